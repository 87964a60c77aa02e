"use strict";
// What is on the page: a section for each part of the content.

const content = JSON.parse(document.getElementById("content").textContent);
const { runs } = content;
const HUES = 8;
const DASHES = 3;
const view = { domain: null, log: false, x: "epoch", colour: "run", hidden: new Set(), splits: new Set() };
const section = (id) => document.getElementById(id);
const note = (text) => make("p", { class: "note" }, text);

/** A table in a box that scrolls by itself, so that the page does not. */
function scrolling(label, table) {
  return make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": label }, table);
}

/** Buttons of which one is pressed. */
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

/** Text in which words between backquotes are code. */
function prose(text) {
  return make("p", { class: "note" }, ...text.split("`").map((part, n) => (n % 2 ? make("code", {}, part) : part)));
}

// Looks of a run: a hue for each run, or for each value of a setting; dashes begin where hues end.
function label(run, key) {
  if (key === "run") return run.name;
  return key === "loss" ? (content.losses[run.loss]?.call ?? "no loss") : `${key} ${show(run.values[key] ?? "none")}`;
}

function groups(key) {
  return [...new Set(runs.map((run) => label(run, key)))];
}

function look(run) {
  const group = groups(view.colour).indexOf(label(run, view.colour));
  return { hue: group % HUES, dash: Math.floor(group / HUES) % DASHES };
}

function coloursBy() {
  const keys = ["loss", ...content.differing].filter((key) => groups(key).length > 1 && groups(key).length <= HUES);
  return [["run", "run"], ...keys.map((key) => [key, key])];
}

function head() {
  const statuses = new Map();
  runs.forEach((run) => statuses.set(run.status, (statuses.get(run.status) || 0) + 1));
  const title = runs.length === 1 ? runs[0].name : `${runs.length} runs`;
  const states = [...statuses].map(([status, count]) => (runs.length === 1 ? status : `${count} ${status}`)).join(", ");
  const plurals = { model: "models", data: "data sets", loss: "losses", optimizer: "optimizers" };
  const told = Object.entries(content.nouns).map(([kind, names]) => (names.length > 2 ? `${names.length} ${plurals[kind]}` : names.join(" and ")));
  const [model, data, loss, optimizer] = told;
  const what = told.every(Boolean) ? `${model} on ${data} by ${loss} with ${optimizer}` : "";
  document.title = `${title} · lossreg report`;
  section("title").textContent = title;
  section("subtitle").textContent = `${what ? `${what} · ` : ""}${states} · made ${content.made.replace("T", " ").replace("+00:00", " UTC")} by lossreg ${content.version}`;
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
    const name = make("th", { scope: "row", title: run.id }, swatch(look(run)), " ", run.name);
    const row = make("tr", { pointerenter: () => focus(run), pointerleave: () => focus(null) }, name, ...content.columns.map((column, n) => cell(run, column, tops[n])));
    table.rows.set(run, row);
  }
  const fill = () => body.replaceChildren(...sorted().map((run) => table.rows.get(run)));
  fill();
  section("runs").append(scrolling("Table of runs", make("table", { class: "runs" }, make("thead", {}, make("tr", {}, ...heads)), body)));
  if (runs.length > 1 && !content.differing.length) section("runs").append(note("No setting differs between these runs."));
  if (tops.some((top) => top !== null)) section("runs").append(note("★ the best of its column. Click a heading to sort."));
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
  if (typeof run !== "number") charts.forEach((chart) => chart.bring(index));
}

function curveLines(keys) {
  return runs.flatMap((run, index) => {
    if (view.hidden.has(run)) return [];
    return Object.entries(keys).flatMap(([split, key]) => {
      const curve = run.curves[key];
      if (!curve || !view.splits.has(split)) return [];
      const several = Object.keys(keys).length > 1;
      const label = [runs.length > 1 && run.name, split].filter(Boolean).join(" · ") || key;
      return [{ label, run: index, x: curve[view.x], y: curve.y, ...look(run), faint: several && split === "train" }];
    });
  });
}

function curves() {
  const host = section("curves");
  if (!content.charts.length) return host.append(note("No epoch was completed."));
  const splits = [...new Set(content.charts.flatMap(({ keys }) => Object.keys(keys)))];
  splits.forEach((split) => view.splits.add(split));
  const whole = make("button", { type: "button", disabled: true, click: () => { view.domain = null; changed(); } }, "Show all");
  const changed = () => {
    whole.disabled = !view.domain;
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
  const legend = make("div", { class: "legend", role: "group", "aria-label": "Runs to draw" });
  const recolour = () => {
    const chips = runs.map((run) => {
      const chip = toggle(hide, run, run.name, swatch(look(run)));
      chip.setAttribute("aria-pressed", String(!view.hidden.has(run)));
      chip.addEventListener("pointerenter", () => focus(run));
      chip.addEventListener("pointerleave", () => focus(null));
      return chip;
    });
    const every = (text, members, off) => make("button", { type: "button", click: () => { members.forEach((run) => hide(run, off)); recolour(); redraw(); } }, text);
    const alone = (members) => () => { runs.forEach((run) => hide(run, !members.includes(run))); recolour(); redraw(); };
    const rows = view.colour === "run" ? [] : groups(view.colour).map((name) => {
      const members = runs.filter((run) => label(run, view.colour) === name);
      const only = make("button", { type: "button", class: "group", title: "Only these", click: alone(members) }, swatch(look(members[0])), name);
      return make("div", { class: "legend" }, only, ...members.map((run) => chips[runs.indexOf(run)]));
    });
    const ends = [every("All", runs, false), every("None", runs, true)];
    legend.classList.toggle("grouped", rows.length > 0);
    legend.replaceChildren(...(runs.length < 2 ? [] : rows.length ? [...rows, make("div", { class: "legend" }, ...ends)] : [...chips, ...ends]));
    runs.forEach((run) => table.rows.get(run).querySelector(".key").replaceWith(swatch(look(run))));
  };
  recolour();
  const named = splits.filter(Boolean);
  const tools = make("div", { class: "tools" },
    choice("Values", [[false, "linear"], [true, "log"]], view.log, (log) => { view.log = log; redraw(); }),
    choice("Against", [["epoch", "epoch"], ["step", "step"]], view.x, (x) => { view.x = x; view.domain = null; changed(); }),
    named.length > 1 ? make("div", { role: "group", "aria-label": "Rows" }, make("span", { class: "name" }, "Rows"), ...named.map((split) => toggle(drop, split, split))) : null,
    coloursBy().length > 1 && runs.length > 1 ? selection("Colour by", coloursBy(), view.colour, (key) => { view.colour = key; recolour(); redraw(); }) : null,
    make("div", {}, whole),
  );
  const grid = make("div", { class: "charts" }, ...content.charts.map(({ metric, keys, rises }) => {
    const chart = new Lines({ name: metric, xName: () => view.x, series: () => curveLines(keys), view, changed, focus: (run) => focus(run ?? null) });
    charts.push(chart);
    return make("div", { class: "card" }, make("h3", {}, metric, make("span", { class: "note" }, rises ? "  more is better" : "")), chart.figure);
  }));
  const faint = splits.includes("train") && splits.length > 1 ? "Thin lines are the training rows. " : "";
  host.append(tools, legend, grid, note(`${faint}Drag across a chart to zoom, double-click to see all; with the keyboard: arrows, + and −, 0. × marks where a value became nan or infinite.`));
}

// Losses

function losses() {
  const host = section("losses");
  if (!content.losses.length) return host.append(note("No config could be read."));
  const cards = content.losses.map((loss, index) => {
    const used = runs.filter((run) => run.loss === index).map((run) => run.name);
    const card = make("div", { class: "card" }, make("h3", { class: "code" }, loss.call), loss.summary ? prose(loss.summary) : null);
    if (loss.problem) card.append(note(`Not drawn: ${loss.problem}`));
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

function confusion({ classes, counts, confusions, rows, right }) {
  const told = `${right} of ${rows} rows are right, ${show((100 * right) / rows)} %.`;
  const accuracy = note(confusions ? `${told} The most frequent confusions:` : `${told} Each line is a class, each column what it was taken for.`);
  if (confusions) {
    const lines = confusions.map(([true_, taken, count]) => make("tr", {}, make("td", {}, true_), make("td", {}, taken), make("td", { class: "number" }, count)));
    const heads = ["class", "taken for", "times"].map((text, n) => make("th", { scope: "col", class: n === 2 ? "number" : null }, text));
    return [accuracy, scrolling("Most frequent confusions", make("table", { class: "facts" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines)))];
  }
  const matrix = counts.map((line, row) => {
    const total = line.reduce((sum, count) => sum + count, 0);
    const cells = line.map((count, column) => {
      const taken = row === column ? "right" : `taken for ${classes[column]}`;
      const kind = [row === column ? "right" : null, count ? null : "zero"].filter(Boolean).join(" ");
      const td = make("td", { class: kind || null, title: `${classes[row]}, ${taken}: ${count} of ${total}` }, count);
      td.style.setProperty("--share", total ? (row === column ? count / total : Math.sqrt(count / total)) : 0);
      return td;
    });
    return make("tr", {}, make("th", { scope: "row" }, classes[row]), ...cells, make("td", { class: "recall" }, total ? `${show((100 * line[row]) / total)} %` : ""));
  });
  const heads = [make("th", { scope: "col" }, "class"), ...classes.map((name) => make("th", { scope: "col" }, name)), make("th", { scope: "col" }, "right")];
  return [accuracy, scrolling("Confusion matrix", make("table", { class: "confusion" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...matrix)))];
}

function residuals(columns) {
  return columns.flatMap((column, index) => {
    const name = columns.length > 1 ? `column ${index + 1}: ` : "";
    const lost = column.lost ? `, ${column.lost} not finite` : "";
    if (column.mean === undefined) return [note(`${name}${column.rows} rows${lost}`)];
    const facts = `${name}prediction − target over ${column.rows} rows${lost}: mean ${show(column.mean)}, deviation ${show(column.deviation)}`;
    const scatter = dots({ x: column.prediction, y: column.error, xName: "prediction", label: `Residuals by prediction. ${facts}` });
    const histogram = bars({ edges: column.edges, counts: column.counts, xName: "prediction − target", label: `Histogram of residuals. ${facts}` });
    const cards = [["Residual by prediction", scatter], ["Histogram of residuals", histogram]];
    return [note(facts), make("div", { class: "charts" }, ...cards.map(([title, figure]) => make("div", { class: "card" }, make("h3", {}, title), figure)))];
  });
}

function outcomes() {
  const host = section("outcomes");
  const box = make("div");
  const fill = (id) => {
    const { outcome, status } = runs[Number(id)];
    const missing = [note(`No predictions: ${status === "finished" ? "the run has no rows to test on, or each may have several classes." : `they are made at a run's end, and this one is ${status}.`}`)];
    box.replaceChildren(...(!outcome ? missing : outcome.residuals ? residuals(outcome.residuals) : confusion(outcome)));
  };
  const first = Math.max(runs.findIndex((run) => run.outcome), 0);
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
  if (!content.shared.length) return host.append(note("No config could be read, or nothing is the same in all runs."));
  const table = facts(content.shared);
  if (runs.length === 1) return host.append(table);
  host.append(make("details", {}, make("summary", {}, `${content.shared.length} settings are the same in all runs`), table));
}

function environments() {
  const host = section("environment");
  content.environments.forEach(({ runs: members, facts: main, plugins, packages }) => {
    if (content.environments.length > 1) host.append(make("h3", {}, `${members.length} run${members.length === 1 ? "" : "s"}: `, make("span", { class: "note" }, members.map((n) => runs[n].name).join(", "))));
    if (!main.length && !plugins.length) return host.append(note("Nothing is recorded."));
    host.append(facts([...main, ...plugins.map(([kind, name, origin, hash]) => [kind, `${name} of ${origin}${hash ? `, sha256 ${hash}…` : ""}`])]));
    const list = make("div", { class: "packages code" }, ...packages.map(([name, version]) => make("div", {}, `${name} ${version}`)));
    if (packages.length) host.append(make("details", {}, make("summary", {}, `${packages.length} packages`), list));
  });
}

head();
if (runs.length > HUES) view.colour = coloursBy()[1]?.[0] ?? "run"; // by loss, where that tells them apart
runsTable();
curves();
losses();
outcomes();
settings();
environments();
