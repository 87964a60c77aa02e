"use strict";
// The sections of the page, made from the data in the element "content".

const content = JSON.parse(document.getElementById("content").textContent);
const { runs } = content;
const HUES = 8;
const DASHES = 3;
const view = { domain: null, log: false, x: "epoch", colour: "run", hidden: new Set(), splits: new Set() };
const section = (id) => document.getElementById(id);
const note = (text) => make("p", { class: "note" }, text);

/** A table in a box that scrolls sideways, so that the page does not. */
function scrolling(label, table) {
  return make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": label }, table);
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

// The line style of a run: a hue for each run, or for each value of a setting; after the last hue, lines are dashed.
function label(run, key) {
  if (key === "run") return run.name;
  return key === "loss" ? (content.losses[run.loss]?.call ?? "unknown loss") : `${key} ${show(run.values[key] ?? "none")}`;
}

function groups(key) {
  return [...new Set(runs.map((run) => label(run, key)))];
}

function lineStyle(run) {
  const group = groups(view.colour).indexOf(label(run, view.colour));
  return { hue: group % HUES, dash: Math.floor(group / HUES) % DASHES };
}

function colourChoices() {
  const keys = ["loss", ...content.differing].filter((key) => groups(key).length > 1 && groups(key).length <= HUES);
  return [["run", "run"], ...keys.map((key) => [key, key])];
}

function header() {
  const statuses = new Map();
  runs.forEach((run) => statuses.set(run.status, (statuses.get(run.status) || 0) + 1));
  const title = runs.length === 1 ? runs[0].name : `${runs.length} runs`;
  const states = [...statuses].map(([status, count]) => (runs.length === 1 ? status : `${count} ${status}`)).join(", ");
  const plurals = { model: "models", data: "data sets", loss: "losses", optimizer: "optimizers" };
  const singular = { model: "model", data: "data", loss: "loss", optimizer: "optimizer" };
  const named = (kind, names) => (names.length > 2 ? `${names.length} ${plurals[kind]}` : `${singular[kind]} ${names.join(" and ")}`);
  const plugins = Object.entries(content.plugins).filter(([, names]) => names.length).map(([kind, names]) => named(kind, names)).join(", ");
  document.title = `${title} · lossreg report`;
  section("title").textContent = title;
  section("subtitle").textContent = `${plugins ? `${plugins} · ` : ""}${states} · made ${content.made.replace("T", " ").replace("+00:00", " UTC")} by lossreg ${content.version}`;
}

// Runs

const table = { sort: null, descending: false, rows: new Map() };

function best({ key, rises }) {
  const values = runs.map((run) => run.values[key]).filter(finite);
  return rises === null || values.length < 2 ? null : rises ? Math.max(...values) : Math.min(...values);
}

function cell(run, column, top) {
  const value = run.values[column.key];
  const isNumber = typeof value === "number" || ["nan", "inf", "-inf"].includes(value);
  const isBad = ["nan", "inf", "-inf"].includes(value) || ["failed", "diverged"].includes(value);
  const classes = [isNumber && "number", isBad && "bad", top !== null && value === top && "best"].filter(Boolean);
  return make("td", { class: classes.join(" ") || null, title: typeof value === "number" ? value : null }, show(value));
}

function sorted() {
  const { sort, descending } = table;
  if (!sort) return runs;
  const value = (run) => (sort === "run" ? run.name : run.values[sort]);
  const missing = (run) => value(run) === null || value(run) === undefined || value(run) === "nan";
  const number = (run) => ({ inf: Infinity, "-inf": -Infinity })[value(run)] ?? value(run);
  const order = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (typeof x === "number" && typeof y === "number") return x - y;
    return String(x).localeCompare(String(y), "en", { numeric: true });
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
    return make("th", { scope: "col", "aria-sort": "none", class: isNumber({ key }) ? "number" : null }, make("button", { type: "button", click: sort }, key));
  });
  const tops = content.columns.map(best);
  for (const run of runs) {
    const name = make("th", { scope: "row", title: run.id }, swatch(lineStyle(run)), " ", run.name);
    const row = make("tr", { pointerenter: () => focus(run), pointerleave: () => focus(null) }, name, ...content.columns.map((column, n) => cell(run, column, tops[n])));
    table.rows.set(run, row);
  }
  const fill = () => body.replaceChildren(...sorted().map((run) => table.rows.get(run)));
  fill();
  section("runs").append(scrolling("Table of runs", make("table", { class: "runs" }, make("thead", {}, make("tr", {}, ...heads)), body)));
  if (runs.length > 1 && !content.differing.length) section("runs").append(note("All settings are the same in these runs."));
  if (tops.some((top) => top !== null)) section("runs").append(note("★ marks the best value of a column. Click a heading to sort by it."));
  for (const run of runs) {
    if (run.error) section("runs").append(make("p", { class: "note" }, make("span", { class: "bad" }, `${run.name} ${run.status}: `), run.error));
    run.problems.forEach((problem) => section("runs").append(note(`${run.name}: ${problem}`)));
  }
}

// Curves

const charts = [];
const redraw = () => charts.forEach((chart) => chart.draw());

function focus(run) {
  const index = run === null || run === undefined ? null : typeof run === "number" ? run : runs.indexOf(run);
  table.rows.forEach((row, other) => row.classList.toggle("near", runs[index] === other));
  if (typeof run !== "number") charts.forEach((chart) => chart.highlight(index));
}

function curveLines(keys) {
  return runs.flatMap((run, index) => {
    if (view.hidden.has(run)) return [];
    return Object.entries(keys).flatMap(([split, key]) => {
      const curve = run.curves[key];
      if (!curve || !view.splits.has(split)) return [];
      const several = Object.keys(keys).length > 1;
      const label = [runs.length > 1 && run.name, split].filter(Boolean).join(" · ") || key;
      return [{ label, run: index, x: curve[view.x], y: curve.y, ...lineStyle(run), faint: several && split === "train" }];
    });
  });
}

function curves() {
  const host = section("curves");
  if (!content.charts.length) return host.append(note("No run has completed an epoch."));
  const splits = [...new Set(content.charts.flatMap(({ keys }) => Object.keys(keys)))];
  splits.forEach((split) => view.splits.add(split));
  const reset = make("button", { type: "button", disabled: true, click: () => { view.domain = null; changed(); } }, "Show all");
  const changed = () => {
    reset.disabled = !view.domain;
    redraw();
  };
  const toggle = (set, item, label, mark) => {
    const button = make("button", { type: "button", class: "chip", "aria-pressed": "true" }, mark, label);
    button.addEventListener("click", () => {
      const off = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!off));
      set(item, off);
      redraw();
    });
    return button;
  };
  const hide = (run, off) => (off ? view.hidden.add(run) : view.hidden.delete(run));
  const drop = (split, off) => (off ? view.splits.delete(split) : view.splits.add(split));
  const legend = make("div", { class: "legend", role: "group", "aria-label": "Runs to show" });
  const recolour = () => {
    const chips = runs.map((run) => {
      const chip = toggle(hide, run, run.name, swatch(lineStyle(run)));
      chip.setAttribute("aria-pressed", String(!view.hidden.has(run)));
      chip.addEventListener("pointerenter", () => focus(run));
      chip.addEventListener("pointerleave", () => focus(null));
      return chip;
    });
    const every = (text, members, off) => make("button", { type: "button", click: () => { members.forEach((run) => hide(run, off)); recolour(); redraw(); } }, text);
    const alone = (members) => () => { runs.forEach((run) => hide(run, !members.includes(run))); recolour(); redraw(); };
    const rows = view.colour === "run" ? [] : groups(view.colour).map((name) => {
      const members = runs.filter((run) => label(run, view.colour) === name);
      const only = make("button", { type: "button", class: "group", title: "Show only these", click: alone(members) }, swatch(lineStyle(members[0])), name);
      return make("div", { class: "legend" }, only, ...members.map((run) => chips[runs.indexOf(run)]));
    });
    const ends = [every("All", runs, false), every("None", runs, true)];
    legend.classList.toggle("grouped", rows.length > 0);
    legend.replaceChildren(...(runs.length < 2 ? [] : rows.length ? [...rows, make("div", { class: "legend" }, ...ends)] : [...chips, ...ends]));
    runs.forEach((run) => table.rows.get(run).querySelector(".key").replaceWith(swatch(lineStyle(run))));
  };
  recolour();
  const named = splits.filter(Boolean);
  const tools = make("div", { class: "tools" },
    choice("Scale", [[false, "linear"], [true, "log"]], view.log, (log) => { view.log = log; redraw(); }),
    choice("Horizontal axis", [["epoch", "epoch"], ["step", "step"]], view.x, (x) => { view.x = x; view.domain = null; changed(); }),
    named.length > 1 ? make("div", { role: "group", "aria-label": "Rows" }, make("span", { class: "name" }, "Rows"), ...named.map((split) => toggle(drop, split, split))) : null,
    colourChoices().length > 1 && runs.length > 1 ? selection("Colour by", colourChoices(), view.colour, (key) => { view.colour = key; recolour(); redraw(); }) : null,
    make("div", {}, reset),
  );
  const grid = make("div", { class: "charts" }, ...content.charts.map(({ metric, keys, rises }) => {
    const chart = new Lines({ name: metric, xName: () => view.x, series: () => curveLines(keys), view, changed, focus: (run) => focus(run ?? null) });
    charts.push(chart);
    return make("div", { class: "card" }, make("h3", {}, metric, make("span", { class: "note" }, rises ? "  higher is better" : "  lower is better")), chart.figure);
  }));
  const faint = splits.includes("train") && splits.length > 1 ? "Thin lines show the training rows. " : "";
  host.append(tools, legend, grid, note(`${faint}Drag across a chart to zoom in, and double-click to see all of it. On the keyboard, the arrows move, + and − zoom, and 0 shows all. × marks where a value became nan or infinite.`));
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
    if (runs.length > 1) card.append(make("details", {}, make("summary", {}, `${used.length} run${used.length === 1 ? "" : "s"}`), note(used.join(", "))));
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
  const first = Math.max(runs.findIndex((run) => run.predictions), 0);
  if (runs.length > 1) host.append(make("div", { class: "tools" }, selection("Run", runs.map((run, n) => [String(n), run.name]), String(first), fill)));
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
    if (content.environments.length > 1) host.append(make("h3", {}, `${members.length} run${members.length === 1 ? "" : "s"}: `, make("span", { class: "note" }, members.map((n) => runs[n].name).join(", "))));
    if (!main.length && !plugins.length) return host.append(note("The environment was not recorded."));
    host.append(facts([...main, ...plugins.map(([kind, name, origin, hash]) => [kind, `${name} from ${origin}${hash ? `, sha256 ${hash}…` : ""}`])]));
    const list = make("div", { class: "packages code" }, ...packages.map(([name, version]) => make("div", {}, `${name} ${version}`)));
    if (packages.length) host.append(make("details", {}, make("summary", {}, `Installed packages: ${packages.length}`), list));
  });
}

header();
if (runs.length > HUES) view.colour = colourChoices()[1]?.[0] ?? "run"; // by loss, if the losses differ
runsTable();
curves();
losses();
predictions();
settings();
environments();
