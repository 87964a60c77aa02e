"use strict";
// The sections of the page, made from the data in the element "content".

const content = JSON.parse(document.getElementById("content").textContent);
const { runs } = content;
const HUES = 8;
const ROWS = { results: 20, runs: 20, notes: 10, names: 12 };
const MANY = 100;
const view = { domain: null, log: false, x: "epoch", colour: "run", hidden: new Set(), splits: new Set() };
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const section = (id) => document.getElementById(id);
const note = (text) => make("p", { class: "note" }, text);

/** A table in a box that scrolls sideways, so that the page does not; if it does, a line below says so. */
function scrolling(label, table) {
  const box = make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": label }, table);
  const cue = make("p", { class: "note cue", hidden: true }, "This table is wider than the page: scroll it sideways to see all columns.");
  new ResizeObserver(() => { cue.hidden = box.scrollWidth <= box.clientWidth; }).observe(box);
  return make("div", {}, box, cue);
}

/** Names in a row, or of many the first. */
function listed(names) {
  const rest = names.length - ROWS.names;
  return rest > 0 ? `${names.slice(0, ROWS.names).join(", ")} and ${rest.toLocaleString("en")} more` : names.join(", ");
}

/** A group of buttons of which one is pressed. */
function choice(name, options, now, choose) {
  const buttons = options.map(([value, text]) =>
    make("button", { type: "button", "aria-pressed": String(value === now), click: () => {
      buttons.forEach((button, n) => button.setAttribute("aria-pressed", String(options[n][0] === value)));
      choose(value);
    } }, text),
  );
  return make("div", { class: "choice", role: "group", "aria-label": name }, make("span", { class: "name" }, name), ...buttons);
}

/** A drop-down list. */
function selection(name, options, now, choose) {
  const list = make("select", { change: () => choose(list.value) }, ...options.map(([value, text]) => make("option", { value, selected: value === now }, text)));
  return make("div", {}, make("label", {}, `${name} `, list));
}

/** A paragraph in which words between backquotes are set as code. */
function prose(text) {
  return make("p", { class: "note" }, ...text.split("`").map((part, n) => (n % 2 ? make("code", {}, part) : part)));
}

// The line style of a run: a hue for each run, each config or each value of a setting, those with the best results first. There
// are eight hues; what is left after the best seven is grey.
const ranked = content.results ? content.results.groups.flatMap((group) => group.runs.map((n) => runs[n])) : runs;
const groupOf = new Map((content.results?.groups ?? []).flatMap((group) => group.runs.map((n) => [runs[n], group])));

function label(run, key) {
  if (key === "run") return run.name;
  if (key === "config") return groupOf.get(run).name;
  return key === "loss" ? (content.losses[run.loss]?.call ?? "unknown loss") : `${key} ${show(run.values[key] ?? "none")}`;
}

function groups(key) {
  return [...new Set(ranked.map((run) => label(run, key)))];
}

const styles = { key: null, names: [], coloured: 0, of: new Map() };

function lineStyle(run) {
  if (styles.key !== view.colour) {
    const names = groups(view.colour);
    const places = new Map(names.map((name, n) => [name, n]));
    const coloured = names.length > HUES ? HUES - 1 : names.length;
    const of = new Map(runs.map((one) => [one, places.get(label(one, view.colour))]));
    Object.assign(styles, { key: view.colour, names, coloured, of });
  }
  const place = styles.of.get(run);
  return { hue: place < styles.coloured ? place : "rest", dash: 0 };
}

function colourChoices() {
  const keys = ["loss", ...content.differing].filter((key) => groups(key).length > 1 && groups(key).length <= HUES);
  const configs = groupOf.size && content.results.groups.length > 1 && content.results.groups.length < runs.length ? [["config", "config"]] : [];
  return [...configs, ["run", "run"], ...keys.map((key) => [key, key])];
}

function header() {
  const statuses = new Map();
  runs.forEach((run) => statuses.set(run.status, (statuses.get(run.status) || 0) + 1));
  const { title } = content;
  const states = [...statuses].map(([status, count]) => (runs.length === 1 ? status : `${count} ${status}`)).join(", ");
  const plurals = { model: "models", data: "data sets", loss: "losses", optimizer: "optimizers" };
  const singular = { model: "model", data: "data", loss: "loss", optimizer: "optimizer" };
  const named = (kind, names) => (names.length > 2 ? `${names.length} ${plurals[kind]}` : `${singular[kind]} ${names.join(" and ")}`);
  const plugins = Object.entries(content.plugins).filter(([, names]) => names.length).map(([kind, names]) => named(kind, names)).join(", ");
  document.title = `${title} · lossreg report`;
  section("title").textContent = title;
  section("subtitle").textContent = `${plugins ? `${plugins} · ` : ""}${states} · made ${content.made.replace("T", " ").replace("+00:00", " UTC")} by lossreg ${content.lossreg}`;
}

// Results

function interval(group, low, high) {
  const [width, middle] = [170, 7];
  const x = (value) => 6 + ((value - low) / (high - low || 1)) * (width - 12);
  const drawn = make("svg", { class: "interval", width, height: 2 * middle, viewBox: `0 0 ${width} ${2 * middle}`, "aria-hidden": "true" });
  const std = group.std ?? 0;
  drawn.append(make("line", { x1: x(group.mean - std), x2: x(group.mean + std), y1: middle, y2: middle }), make("circle", { cx: x(group.mean), cy: middle, r: 4 }));
  return drawn;
}

function results() {
  const host = section("results");
  if (!content.results) {
    host.remove();
    document.querySelector('nav a[href="#results"]').remove();
    return;
  }
  const { metric, rises, keys, over, groups: found } = content.results;
  const known = found.filter(({ mean }) => finite(mean));
  const ends = known.flatMap(({ mean, std }) => [mean - (std ?? 0), mean + (std ?? 0)]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const [hasStd, hasP] = [known.some(({ std }) => finite(std)), known.some(({ p }) => finite(p))];
  const head = (text, isNumber) => make("th", { scope: "col", class: isNumber ? "number" : null }, text);
  const heads = [head("", true), ...keys.map((key) => head(key.replace(/\.name$/, ""))), head(metric, true), hasStd && head("std", true), hasStd && head("n", true), hasP && head("p", true), head(hasStd ? "mean ± std" : "")];
  const number = (value, best) => make("td", { class: best ? "number best" : "number", title: finite(value) ? value : null }, finite(value) ? show(value) : "");
  const rows = found.map((group, n) => {
    const place = make("th", { scope: "row", class: "number" }, finite(group.mean) ? n + 1 : "–");
    const settings = keys.map((key) => make("td", {}, key in group.values ? show(group.values[key]) : ""));
    const plot = make("td", { class: "note" }, finite(group.mean) ? interval(group, low, high) : group.pruned);
    return make("tr", {}, place, ...settings, number(group.mean, n === 0), hasStd && number(group.std), hasStd && make("td", { class: "number" }, group.n), hasP && number(group.p), plot);
  });
  const body = make("tbody", {}, ...rows.slice(0, ROWS.results));
  const better = rises ? "higher is better" : "lower is better";
  const what = hasStd ? `mean and standard deviation over ${over.join(", ") || "runs"}` : "one run each";
  const test = hasP ? " p is that of a paired t-test against the first line, over the runs that are equal in all else, corrected for the number of tests (Holm)." : "";
  host.append(note(`${plural(found.length, "config")}, ranked by ${metric} (${better}): ${what}.${test}`));
  host.append(scrolling("Configs by result", make("table", {}, make("thead", {}, make("tr", {}, ...heads.filter(Boolean))), body)));
  if (rows.length > ROWS.results) {
    const more = make("button", { type: "button", class: "more", click: () => { body.replaceChildren(...rows); more.remove(); } }, `Show all ${plural(rows.length, "config")}`);
    host.append(more);
  }
}

// Runs

const table = { sort: null, descending: false, limit: ROWS.runs, rows: new Map() };
const collator = new Intl.Collator("en", { numeric: true });

function best({ key, rises }) {
  const values = runs.map((run) => run.values[key]).filter(finite);
  return rises === null || values.length < 2 ? null : rises ? Math.max(...values) : Math.min(...values);
}

function cell(run, column, top) {
  const value = run.values[column.key];
  const isNumber = typeof value === "number" || ["nan", "inf", "-inf"].includes(value);
  const isBad = ["nan", "inf", "-inf"].includes(value) || ["failed", "diverged"].includes(value);
  const classes = [isNumber && "number", isBad && "bad", top !== null && value === top && "best"].filter(Boolean);
  const title = typeof value === "number" ? value : column.key === "status" ? run.reason : null;
  return make("td", { class: classes.join(" ") || null, title }, show(value));
}

function sorted() {
  const { sort, descending } = table;
  if (!sort) return ranked;
  const value = (run) => (sort === "run" ? run.name : run.values[sort]);
  const missing = (run) => value(run) === null || value(run) === undefined || value(run) === "nan";
  const number = (run) => ({ inf: Infinity, "-inf": -Infinity })[value(run)] ?? value(run);
  const order = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (typeof x === "number" && typeof y === "number") return x - y;
    return collator.compare(String(x), String(y));
  };
  const known = runs.filter((run) => !missing(run)).sort((a, b) => (descending ? order(b, a) : order(a, b)));
  return [...known, ...runs.filter(missing)];
}

function runsTable() {
  const columns = [{ key: "run" }, ...content.columns];
  const isNumber = ({ key }) => key !== "run" && runs.every((run) => run.values[key] === null || typeof run.values[key] === "number" || ["nan", "inf", "-inf"].includes(run.values[key]));
  const body = make("tbody");
  const heads = columns.map(({ key, ...column }) => {
    const sort = () => {
      table.descending = table.sort === key ? !table.descending : column.rises === true;
      table.sort = key;
      heads.forEach((other, n) => other.setAttribute("aria-sort", columns[n].key !== key ? "none" : table.descending ? "descending" : "ascending"));
      fill();
    };
    return make("th", { scope: "col", "aria-sort": table.sort !== key ? "none" : table.descending ? "descending" : "ascending", class: isNumber({ key }) ? "number" : null }, make("button", { type: "button", click: sort }, key));
  });
  const tops = content.columns.map(best);
  const row = (run) => {
    if (!table.rows.has(run)) {
      const name = make("th", { scope: "row", title: run.id }, swatch(lineStyle(run)), " ", run.name);
      table.rows.set(run, make("tr", { pointerenter: () => focus(run), pointerleave: () => focus(null) }, name, ...content.columns.map((column, n) => cell(run, column, tops[n]))));
    }
    return table.rows.get(run);
  };
  const fill = () => body.replaceChildren(...sorted().slice(0, table.limit).map(row));
  fill();
  section("runs").append(scrolling("Table of runs", make("table", { class: "runs" }, make("thead", {}, make("tr", {}, ...heads)), body)));
  if (runs.length > table.limit) {
    const more = make("button", { type: "button", class: "more", click: () => { table.limit = Infinity; fill(); more.remove(); } }, `Show all ${plural(runs.length, "run")}`);
    section("runs").append(more);
  }
  if (runs.length > 1 && !content.differing.length) section("runs").append(note("All settings are the same in these runs."));
  if (tops.some((top) => top !== null)) section("runs").append(note("★ marks the best value of a column. Click a heading to sort by it."));
  const notes = runs.flatMap((run) => [
    ...(run.error ? [make("p", { class: "note" }, make("span", { class: "bad" }, `${run.name} ${run.status}: `), run.error)] : []),
    ...(run.origin ? [note(`${run.name} began with the weights of ${run.origin}.`)] : []),
    ...run.problems.map((problem) => note(`${run.name}: ${problem}`)),
  ]);
  section("runs").append(...notes.slice(0, ROWS.notes));
  if (notes.length > ROWS.notes) section("runs").append(make("details", {}, make("summary", {}, `${plural(notes.length - ROWS.notes, "more problem")}`), ...notes.slice(ROWS.notes)));
}

// Curves

const charts = [];
const redraw = () => charts.forEach((chart) => chart.draw());

function focus(run) {
  const index = run === null || run === undefined ? null : typeof run === "number" ? run : runs.indexOf(run);
  table.rows.forEach((row, other) => row.classList.toggle("near", runs[index] === other));
  if (typeof run !== "number") charts.forEach((chart) => chart.highlight(index));
}

/** The mean of curves that have the same points; null for others. */
function mean(curves) {
  const [first] = curves;
  const same = curves.every(({ y }, n) => y.length === first.y.length && y.every(finite) && curves[n].epoch.every((value, i) => value === first.epoch[i]));
  if (!same) return null;
  const average = (key) => first[key]?.map((_, i) => curves.reduce((sum, curve) => sum + curve[key][i], 0) / curves.length);
  return { epoch: first.epoch, step: first.step, seconds: curves.every((curve) => curve.seconds) ? average("seconds") : undefined, y: average("y") };
}

/** The mean curves of the configs with a hue, by the runs that are part of one. */
function meanLines(keys, covered) {
  if (view.colour !== "config") return [];
  return content.results.groups.slice(0, styles.coloured).flatMap((group) => {
    const members = group.runs.map((n) => runs[n]).filter((run) => !view.hidden.has(run));
    return Object.entries(keys).flatMap(([split, key]) => {
      const found = members.map((run) => run.curves[key]).filter(Boolean);
      const curve = view.splits.has(split) && found.length > 1 ? mean(found) : null;
      if (!curve) return [];
      members.forEach((run) => covered.add(`${split} ${runs.indexOf(run)}`));
      const label = [group.name, split, `mean of ${found.length}`].filter(Boolean).join(" · ");
      return [{ label, x: curve[view.x] ?? [], y: curve.y, ...lineStyle(members[0]), faint: split === "train" && Object.keys(keys).length > 1 }];
    });
  });
}

function curveLines(keys) {
  const covered = new Set();
  const means = meanLines(keys, covered);
  const lines = runs.flatMap((run, index) => {
    if (view.hidden.has(run)) return [];
    return Object.entries(keys).flatMap(([split, key]) => {
      const curve = run.curves[key];
      if (!curve || !view.splits.has(split) || covered.has(`${split} ${index}`)) return [];
      const several = Object.keys(keys).length > 1;
      const label = [runs.length > 1 && run.name, split].filter(Boolean).join(" · ") || key;
      return [{ label, run: index, x: curve[view.x] ?? [], y: curve.y, ...lineStyle(run), faint: several && split === "train" }];
    });
  });
  return [...lines, ...means].sort((a, b) => (b.hue === "rest") - (a.hue === "rest"));
}

function curves() {
  const host = section("curves");
  if (!content.charts.length) return host.append(note("No run has completed an epoch."));
  const drawn = runs.filter((run) => Object.keys(run.curves).length);
  const splits = [...new Set(content.charts.flatMap(({ keys }) => Object.keys(keys)))];
  const judging = ["validation", "test"].find((split) => splits.includes(split));
  splits.forEach((split) => (runs.length <= HUES || !judging || split === judging || split === "") && view.splits.add(split));
  const reset = make("button", { type: "button", disabled: true, click: () => { view.domain = null; changed(); } }, "Show all");
  const changed = () => {
    reset.disabled = !view.domain;
    redraw();
  };
  const hide = (run, off) => (off ? view.hidden.add(run) : view.hidden.delete(run));
  const chip = (text, mark, isOn, click, title = null) => make("button", { type: "button", class: "chip", "aria-pressed": String(isOn), title, click }, mark, text);
  const splitChip = (split) => {
    const button = chip(split, null, view.splits.has(split), () => {
      const off = view.splits.has(split);
      if (off) view.splits.delete(split);
      else view.splits.add(split);
      button.setAttribute("aria-pressed", String(!off));
      redraw();
    });
    return button;
  };
  const legend = make("div", { class: "legend", role: "group", "aria-label": "Runs to show" });
  const update = () => { recolour(); redraw(); };
  const recolour = () => {
    lineStyle(runs[0]);
    const isShown = (run) => !view.hidden.has(run);
    const chips = styles.names.slice(0, styles.coloured).map((name, n) => {
      const members = runs.filter((run) => styles.of.get(run) === n);
      const alone = () => { const off = runs.every((run) => isShown(run) === members.includes(run)); runs.forEach((run) => hide(run, !off && !members.includes(run))); update(); };
      const toggle = () => { const off = members.some(isShown); members.forEach((run) => hide(run, off)); update(); };
      const byRun = runs.length <= HUES;
      const button = chip(name, swatch({ hue: n, dash: 0 }), members.some(isShown), byRun ? toggle : alone, byRun ? null : "Show only these, or all");
      if (byRun) {
        button.addEventListener("pointerenter", () => focus(members[0]));
        button.addEventListener("pointerleave", () => focus(null));
      }
      return button;
    });
    const rest = runs.filter((run) => styles.of.get(run) >= styles.coloured);
    const toggleRest = () => { const off = rest.some(isShown); rest.forEach((run) => hide(run, off)); update(); };
    const others = rest.length ? [chip(`the other ${(styles.names.length - styles.coloured).toLocaleString("en")}`, swatch({ hue: "rest", dash: 0 }), rest.some(isShown), toggleRest)] : [];
    const every = (text, off) => make("button", { type: "button", click: () => { runs.forEach((run) => hide(run, off)); update(); } }, text);
    legend.replaceChildren(...(runs.length < 2 ? [] : [...chips, ...others, every("All", false), every("None", true)]));
    table.rows.forEach((row, run) => row.querySelector(".key").replaceWith(swatch(lineStyle(run))));
  };
  recolour();
  const named = splits.filter(Boolean);
  const timed = drawn.length > 0 && drawn.every((run) => Object.values(run.curves).every((curve) => curve.seconds));
  const tools = make("div", { class: "tools" },
    choice("Scale", [[false, "linear"], [true, "log"]], view.log, (log) => { view.log = log; redraw(); }),
    choice("Horizontal axis", [["epoch", "epoch"], ["step", "step"], ...(timed ? [["seconds", "seconds"]] : [])], view.x, (x) => { view.x = x; view.domain = null; changed(); }),
    named.length > 1 ? make("div", { role: "group", "aria-label": "Rows" }, make("span", { class: "name" }, "Rows"), ...named.map(splitChip)) : null,
    colourChoices().length > 1 && runs.length > 1 ? selection("Colour by", colourChoices(), view.colour, (key) => { view.colour = key; update(); }) : null,
    make("div", {}, reset),
  );
  const grid = make("div", { class: "charts" }, ...content.charts.map(({ metric, keys, rises, unit }) => {
    const chart = new Lines({ name: metric, xName: () => view.x, series: () => curveLines(keys), view, changed, focus: (run) => focus(run ?? null) });
    charts.push(chart);
    const about = [unit, rises ? "higher is better" : "lower is better"].filter(Boolean).join(", ");
    return make("div", { class: "card" }, make("h3", {}, metric, make("span", { class: "note" }, `  ${about}`)), chart.figure);
  }));
  const faint = splits.includes("train") && splits.length > 1 ? "Thin lines show the training rows. " : "";
  const means = view.colour === "config" ? "A coloured line is the mean of the runs of a config. " : "";
  const some = drawn.length < runs.length && runs.length > MANY ? `The curves of ${drawn.length} of ${plural(runs.length, "run")} are drawn: those of the best, and others at equal distances in rank. ` : "";
  host.append(tools, legend, grid, note(`${means}${some}${faint}Drag across a chart to zoom in, and double-click to see all of it. On the keyboard, the arrows move, + and − zoom, and 0 shows all. × marks where a value became nan or infinite.`));
}

// Losses

function losses() {
  const host = section("losses");
  if (!content.losses.length) return host.append(note("The config of no run could be read."));
  const cards = content.losses.map((loss, index) => {
    const used = runs.filter((run) => run.loss === index).map((run) => run.name);
    const card = make("div", { class: "card" }, make("h3", { class: "code" }, loss.call), loss.summary ? prose(loss.summary) : null);
    if (loss.problem) card.append(note(`This loss cannot be drawn: ${loss.problem}`));
    if (loss.lines.length) {
      const local = { domain: null, log: false };
      const pair = ["value", "slope"].map((what) => new Lines({
        name: what,
        xName: loss.x,
        series: () => loss.lines.map((line, n) => ({ label: line.label || loss.name, x: line.x, y: line[what], hue: n, dash: n })),
        view: local,
        changed: () => pair.forEach((chart) => chart.draw()),
      }));
      card.append(make("div", { class: "pair" }, ...pair.map((chart) => make("div", {}, note(chart.name), chart.figure))));
      card.append(make("div", { class: "tools note" }, ...loss.lines.map((line, n) => make("span", { class: "chip" }, swatch({ hue: n, dash: n }), line.label || loss.name))));
    }
    if (runs.length > 1 && used.length) card.append(make("details", {}, make("summary", {}, `${used.length} run${used.length === 1 ? "" : "s"}`), note(listed(used))));
    return card;
  });
  host.append(make("div", { class: "charts" }, ...cards));
}

// Predictions

function confusion({ classes, counts, confusions, rows, correct }) {
  const score = `${correct} of ${rows} predictions are correct (${show((100 * correct) / rows)} %).`;
  const accuracy = note(confusions ? `${score} These are the most frequent confusions:` : `${score} Each row of the matrix is a true class, and each column a predicted one.`);
  if (confusions) {
    const lines = confusions.map(([actual, predicted, count]) => make("tr", {}, make("td", {}, actual), make("td", {}, predicted), make("td", { class: "number" }, count)));
    const heads = ["true class", "predicted class", "count"].map((text, n) => make("th", { scope: "col", class: n === 2 ? "number" : null }, text));
    return [accuracy, scrolling("Most frequent confusions", make("table", { class: "facts" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines)))];
  }
  const matrix = counts.map((line, row) => {
    const total = line.reduce((sum, count) => sum + count, 0);
    const cells = line.map((count, column) => {
      const predicted = row === column ? "predicted correctly" : `predicted as ${classes[column]}`;
      const kind = [row === column ? "correct" : null, count ? null : "zero"].filter(Boolean).join(" ");
      const td = make("td", { class: kind || null, title: `${classes[row]}, ${predicted}: ${count} of ${total}` }, count);
      td.style.setProperty("--share", total ? (row === column ? count / total : Math.sqrt(count / total)) : 0);
      return td;
    });
    return make("tr", {}, make("th", { scope: "row" }, classes[row]), ...cells, make("td", { class: "recall" }, total ? `${show((100 * line[row]) / total)} %` : ""));
  });
  const heads = [make("th", { scope: "col" }, "class"), ...classes.map((name) => make("th", { scope: "col" }, name)), make("th", { scope: "col" }, "recall")];
  return [accuracy, scrolling("Confusion matrix", make("table", { class: "confusion" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...matrix)))];
}

function residuals(columns) {
  return columns.flatMap((column, index) => {
    const name = columns.length > 1 ? `column ${index + 1}: ` : "";
    const notFinite = column.not_finite ? `, ${column.not_finite} of them not finite` : "";
    if (column.mean === undefined) return [note(`${name}${column.rows} rows${notFinite}`)];
    const facts = `${name}prediction − target for ${column.rows} rows${notFinite}: mean ${show(column.mean)}, standard deviation ${show(column.deviation)}`;
    const scatter = scatterPlot({ x: column.prediction, y: column.error, xName: "prediction", label: `Residuals by prediction. ${facts}` });
    const bars = histogram({ edges: column.edges, counts: column.counts, xName: "prediction − target", label: `Histogram of residuals. ${facts}` });
    const cards = [["Residual by prediction", scatter], ["Histogram of residuals", bars]];
    return [note(facts), make("div", { class: "charts" }, ...cards.map(([title, figure]) => make("div", { class: "card" }, make("h3", {}, title), figure)))];
  });
}

function predictions() {
  const host = section("predictions");
  const box = make("div");
  const fill = (id) => {
    const { predictions: found, status } = runs[Number(id)];
    const reason = status === "finished" ? "the run has no test rows, or its rows have several labels" : `a run makes them at its end, and the status of this one is ${status}`;
    const missing = [note(`There are no predictions: ${reason}.`)];
    box.replaceChildren(...(!found ? missing : found.residuals ? residuals(found.residuals) : confusion(found)));
  };
  const first = Math.max(runs.indexOf(ranked.find((run) => run.predictions)), 0);
  const offered = [...runs.keys()].filter((n) => runs.length <= MANY || runs[n].predictions);
  if (offered.length > 1) host.append(make("div", { class: "tools" }, selection("Run", offered.map((n) => [String(n), runs[n].name]), String(first), fill)));
  host.append(box);
  fill(first);
}

// Settings and environment

function facts(rows) {
  return make("dl", {}, ...rows.map(([key, value]) => make("div", {}, make("dt", { class: "code" }, key), make("dd", {}, value === null ? "null" : show(value)))));
}

function settings() {
  const host = section("settings");
  if (!content.shared.length) return host.append(note("No setting is the same in all runs, or no config could be read."));
  const table = facts(content.shared);
  if (runs.length === 1) return host.append(table);
  host.append(make("details", {}, make("summary", {}, `Settings that are the same in all runs: ${content.shared.length}`), table));
}

function environments() {
  const host = section("environment");
  content.environments.forEach(({ runs: members, facts: main, plugins, packages }) => {
    if (content.environments.length > 1) host.append(make("h3", {}, `${members.length} run${members.length === 1 ? "" : "s"}: `, make("span", { class: "note" }, listed(members.map((n) => runs[n].name)))));
    if (!main.length && !plugins.length) return host.append(note("The environment was not recorded."));
    host.append(facts([...main, ...plugins.map(([kind, name, origin, hash]) => [kind, `${name} from ${origin}${hash ? `, sha256 ${hash}…` : ""}`])]));
    const list = make("div", { class: "packages code" }, ...packages.map(([name, version]) => make("div", {}, `${name} ${version}`)));
    if (packages.length) host.append(make("details", {}, make("summary", {}, `Installed packages: ${packages.length}`), list));
  });
}

header();
const before = content.version && sessionStorage.getItem("view"); // of a live page, before it was loaded again
if (runs.length > HUES) view.colour = (colourChoices().find(([key]) => key !== "run") ?? ["run"])[0]; // by config, or by loss
if (before) {
  const saved = JSON.parse(before);
  Object.assign(view, saved.view, colourChoices().some(([key]) => key === saved.view.colour) ? {} : { colour: view.colour });
  Object.assign(table, saved.table);
}
results();
runsTable();
curves();
losses();
predictions();
settings();
environments();
