"use strict";
// Charts as SVG: lines, which show values under the pointer and zoom; points; bars. Each is redrawn when its width changes.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 54, right: 20, top: 10, bottom: 32 };
const HEIGHT = 230;
const LISTED = 8;

/** Make an element: `make("p", {class: "note"}, "text", child)`; attributes that are functions become event listeners. */
function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "g", "path", "line", "text", "rect", "circle", "clipPath", "title"].includes(tag);
  const element = drawn ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A number with four digits; text, such as nan, as it is. */
function show(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return String(Number(value.toPrecision(4)));
}

const finite = (value) => typeof value === "number" && Number.isFinite(value);

/** About `count` round numbers from low to high. */
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) found.push(Number((n * step).toPrecision(12)));
  return found;
}

/** Powers of ten from low to high, with 2 and 5 where there are few, and fewer where there are many. */
function logTicks(low, high) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const found = [];
  const every = Math.ceil((last - first) / 6);
  for (let power = first; power <= last; power += every) {
    for (const factor of last - first <= 2 ? [1, 2, 5] : [1]) found.push(factor * 10 ** power);
  }
  const inside = found.filter((value) => value >= low * 0.999 && value <= high * 1.001);
  return inside.length > 1 ? inside : ticks(low, high, 4).filter((value) => value > 0);
}

/** The lowest and the highest of some numbers, widened if they are equal; null if there are no numbers. */
function extent(values, log = false) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return null;
  if (log) return low === high ? [low / 2, high * 2] : [low, high];
  if (low === high) return [low - (Math.abs(low) / 10 || 1), high + (Math.abs(high) / 10 || 1)];
  return [low, high];
}

/** An SVG with axes, which maps values to pixels. */
class Frame {
  constructor(host, { width, xs, ys, log = false, xName, label, zero = false }) {
    Object.assign(this, { width, xs, ys, log });
    this.svg = make("svg", { class: "chart", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label });
    const id = `clip-${(Frame.count = (Frame.count || 0) + 1)}`;
    const [right, bottom] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
    const inner = { x: MARGIN.left, y: MARGIN.top, width: Math.max(right - MARGIN.left, 1), height: bottom - MARGIN.top };
    this.svg.append(make("clipPath", { id }, make("rect", { ...inner, y: inner.y - 4, height: inner.height + 8 })));
    for (const y of log ? logTicks(...ys) : ticks(...ys, 5)) {
      this.svg.append(
        make("line", { class: y === 0 && zero ? "axis" : "grid", x1: MARGIN.left, x2: right, y1: this.y(y), y2: this.y(y) }),
        make("text", { x: MARGIN.left - 7, y: this.y(y) + 4, "text-anchor": "end" }, show(y)),
      );
    }
    for (const x of ticks(...xs, Math.max(4, Math.floor(width / 80)))) {
      this.svg.append(
        make("line", { class: "axis", x1: this.x(x), x2: this.x(x), y1: bottom, y2: bottom + 4 }),
        make("text", { x: this.x(x), y: bottom + 16, "text-anchor": "middle" }, show(x)),
      );
    }
    this.svg.append(
      make("line", { class: "axis", x1: MARGIN.left, x2: right, y1: bottom, y2: bottom }),
      make("text", { x: right, y: HEIGHT - 3, "text-anchor": "end" }, xName),
    );
    this.plot = make("g", { "clip-path": `url(#${id})` });
    this.svg.append(this.plot);
    host.querySelector("svg.chart")?.remove();
    host.prepend(this.svg);
  }

  x(value) {
    return MARGIN.left + ((value - this.xs[0]) / (this.xs[1] - this.xs[0])) * (this.width - MARGIN.left - MARGIN.right);
  }

  y(value) {
    const [scaled, low, high] = (this.log ? [value, ...this.ys].map(Math.log10) : [value, ...this.ys]);
    return HEIGHT - MARGIN.bottom - ((scaled - low) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  }

  /** The value of x at a pixel. */
  at(pixel) {
    const share = (pixel - MARGIN.left) / (this.width - MARGIN.left - MARGIN.right);
    return this.xs[0] + Math.min(Math.max(share, 0), 1) * (this.xs[1] - this.xs[0]);
  }
}

/**
 * A line chart. `series()` returns the lines: {label, run, x, y, hue, dash, faint}. Charts that zoom together share a `view`:
 * {domain, log}; `changed(view)` is called when it has changed, and `focus(run)` when the pointer is near a line.
 */
class Lines {
  constructor({ name, xName, series, view, changed, focus = () => {} }) {
    Object.assign(this, { name, xName, series, view, changed, focus });
    this.tip = make("div", { class: "tip", hidden: true, "aria-live": "polite" });
    this.figure = make("figure", {}, this.tip);
    new ResizeObserver(() => this.figure.clientWidth !== this.frame?.width && this.draw()).observe(this.figure);
  }

  draw() {
    const width = this.figure.clientWidth;
    if (!width) return;
    const { view } = this;
    this.frame = null; // events of the old drawing are ignored
    this.lines = this.series();
    this.fullDomain = extent(this.lines.flatMap((line) => line.x)) || [0, 1];
    const xs = view.domain || this.fullDomain;
    const drawable = (y) => finite(y) && !(view.log && y <= 0);
    const seen = this.lines.flatMap(({ x, y }) => y.filter((value, n) => drawable(value) && x[n] >= xs[0] && x[n] <= xs[1]));
    const ys = extent(seen, view.log) || [view.log ? 0.1 : 0, 1];
    const pad = view.log ? (ys[1] / ys[0]) ** 0.04 : (ys[1] - ys[0]) * 0.05;
    const padded = view.log ? [ys[0] / pad, ys[1] * pad] : [ys[0] - pad, ys[1] + pad];
    const xName = typeof this.xName === "function" ? this.xName() : this.xName;
    const label = `${this.name} by ${xName}: ${this.lines.length} lines. Arrow keys move, plus and minus zoom, 0 shows all.`;
    const frame = (this.frame = new Frame(this.figure, { width, xs, ys: padded, log: view.log, xName, label, zero: true }));
    this.lines.forEach((line) => this.drawLine(line, frame, drawable));
    if (!seen.length) {
      const why = this.lines.length ? (view.log ? "no values above 0 here" : "no values here") : "all runs are hidden";
      frame.svg.append(make("text", { x: width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, why));
    }
    frame.svg.setAttribute("tabindex", "0");
    frame.svg.setAttribute("role", "application");
    frame.svg.setAttribute("aria-roledescription", "chart");
    this.listen(frame);
    this.tip.hidden = true;
  }

  drawLine(line, frame, drawable) {
    const places = line.y.map((y, n) => (drawable(y) ? [frame.x(line.x[n]), frame.y(y)] : null));
    line.places = places;
    const classes = `line hue-${line.hue}${line.dash ? ` dash-${line.dash}` : ""}${line.faint ? " faint" : ""}`;
    const path = places.map((place, n) => place && `${n && places[n - 1] ? "L" : "M"}${place[0].toFixed(1)} ${place[1].toFixed(1)}`);
    line.path = make("path", { class: classes, d: path.filter(Boolean).join(""), "data-run": line.run ?? "" });
    frame.plot.append(line.path);
    places.forEach((place, n) => {
      const lonely = place && !places[n - 1] && !places[n + 1];
      const breaks = place && !finite(line.y[n + 1]) && n + 1 < places.length;
      if (lonely) frame.plot.append(make("circle", { class: `dot hue-${line.hue}`, cx: place[0], cy: place[1], r: 3 }));
      if (breaks) {
        const why = make("title", {}, `${line.label}: ${line.y[n + 1]} from here on`);
        frame.plot.append(make("text", { class: `broken hue-${line.hue}`, x: place[0], y: place[1] + 5 }, "×", why));
      }
    });
  }

  listen(frame) {
    const { svg } = frame;
    const place = (event) => [event.clientX - svg.getBoundingClientRect().left, event.clientY - svg.getBoundingClientRect().top];
    let start = null;
    let band = null;
    svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      [start] = place(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      const [x, y] = place(event);
      if (start === null) return this.point(x, y);
      band ||= svg.appendChild(make("rect", { class: "zooming", y: MARGIN.top, height: HEIGHT - MARGIN.top - MARGIN.bottom }));
      band.setAttribute("x", Math.min(start, x));
      band.setAttribute("width", Math.abs(x - start));
    });
    svg.addEventListener("pointerup", (event) => {
      const [x] = place(event);
      const from = start;
      start = null;
      band?.remove();
      band = null;
      if (from !== null && Math.abs(x - from) > 8) this.zoom(frame.at(Math.min(from, x)), frame.at(Math.max(from, x)));
    });
    svg.addEventListener("pointercancel", () => {
      start = null;
      band?.remove();
      band = null;
    });
    svg.addEventListener("pointerleave", () => start === null && this.leave());
    svg.addEventListener("blur", () => this.leave());
    svg.addEventListener("dblclick", () => this.zoom());
    svg.addEventListener("keydown", (event) => this.key(event));
  }

  /** Show the values near a pixel, and highlight the nearest line. */
  point(px, py) {
    const near = [];
    for (const line of this.lines) {
      let best = -1;
      line.places.forEach((place, n) => {
        if (place && (best < 0 || Math.abs(place[0] - px) < Math.abs(line.places[best][0] - px))) best = n;
      });
      if (best >= 0 && line.x[best] >= this.frame.xs[0] && line.x[best] <= this.frame.xs[1]) near.push({ line, n: best, place: line.places[best] });
    }
    near.sort((a, b) => Math.abs(a.place[1] - py) + Math.abs(a.place[0] - px) - Math.abs(b.place[1] - py) - Math.abs(b.place[0] - px));
    this.reset();
    if (!near.length) return;
    const [nearest] = near;
    const [x] = nearest.place;
    this.cursor = { x, y: nearest.place[1], line: nearest.line, n: nearest.n };
    const shown = near.slice(0, LISTED).sort((a, b) => a.place[1] - b.place[1]);
    const { svg } = this.frame;
    svg.classList.toggle("focused", this.lines.length > 1);
    nearest.line.path.classList.add("near");
    svg.append(make("line", { class: "rule hover", x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }));
    for (const { line, place } of shown) {
      svg.append(make("circle", { class: `dot hover hue-${line.hue}`, cx: place[0], cy: place[1], r: line === nearest.line ? 4.5 : 2.5 }));
    }
    const left = near.length - shown.length;
    const xName = typeof this.xName === "function" ? this.xName() : this.xName;
    this.tip.replaceChildren(
      make("div", {}, `${xName} ${show(nearest.line.x[nearest.n])}`),
      ...shown.map(({ line, n }) =>
        make("div", { class: line === nearest.line ? "near" : null }, swatch(line), make("span", {}, line.label), make("span", { class: "value" }, show(line.y[n]))),
      ),
      left > 0 ? make("div", {}, `and ${left} more`) : "",
    );
    this.tip.hidden = false;
    this.tip.style.left = x > this.frame.width / 2 ? `${MARGIN.left + 4}px` : "auto";
    this.tip.style.right = x > this.frame.width / 2 ? "auto" : `${MARGIN.right + 4}px`;
    this.focus(nearest.line.run);
  }

  reset() {
    if (!this.frame) return;
    this.frame.svg.classList.remove("focused");
    this.frame.svg.querySelectorAll(".hover").forEach((mark) => mark.remove());
    this.lines.forEach((line) => line.path.classList.remove("near"));
    this.tip.hidden = true;
  }

  leave() {
    this.reset();
    this.focus(null);
  }

  /** Highlight the lines of a run. */
  highlight(run) {
    if (!this.frame) return;
    this.frame.svg.classList.toggle("focused", run !== null);
    this.lines.forEach((line) => line.path.classList.toggle("near", line.run === run));
  }

  /** Show a range of the axis, or without one all of it. */
  zoom(low, high) {
    this.view.domain = low === undefined || high - low < 1e-9 ? null : [low, high];
    this.changed(this.view);
  }

  key(event) {
    const { cursor, frame } = this;
    const [low, high] = frame.xs;
    const middle = cursor ? frame.at(cursor.x) : (low + high) / 2;
    const span = high - low;
    const move = (step) => {
      if (!cursor) return this.point(frame.x(middle), HEIGHT / 2);
      const next = cursor.line.places[cursor.n + step];
      if (next) this.point(...next);
    };
    const change = (step) => {
      const [x] = cursor ? [cursor.x] : [frame.x(middle)];
      const at = this.lines.map((line) => line.places.reduce((best, p) => (p && (!best || Math.abs(p[0] - x) < Math.abs(best[0] - x)) ? p : best), null));
      const order = at.filter(Boolean).sort((a, b) => a[1] - b[1]);
      const now = cursor ? order.findIndex((p) => p[1] >= cursor.y - 1e-6) : 0;
      const next = order[Math.min(Math.max(now + step, 0), order.length - 1)];
      if (next) this.point(...next);
    };
    const actions = {
      ArrowLeft: () => move(-1),
      ArrowRight: () => move(1),
      ArrowUp: () => change(-1),
      ArrowDown: () => change(1),
      "+": () => this.zoom(Math.max(middle - span / 4, this.fullDomain[0]), Math.min(middle + span / 4, this.fullDomain[1])),
      "-": () => {
        const [from, to] = [Math.max(middle - span, this.fullDomain[0]), Math.min(middle + span, this.fullDomain[1])];
        if (from === this.fullDomain[0] && to === this.fullDomain[1]) this.zoom();
        else this.zoom(from, to);
      },
      0: () => this.zoom(),
      Escape: () => this.zoom(),
    };
    const action = actions[event.key === "=" ? "+" : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
    this.frame.svg.focus();
  }
}

/** A short piece of line, for legends. */
function swatch({ hue, dash }) {
  const line = make("line", { class: dash ? `dash-${dash}` : null, x1: 0, x2: 22, y1: 5, y2: 5 });
  return make("svg", { class: `key hue-${hue}`, viewBox: "0 0 22 10", "aria-hidden": "true" }, line);
}

/** A figure that is redrawn when its width changes: `draw(figure, width)`. */
function resizing(draw) {
  const figure = make("figure");
  let drawn = 0;
  new ResizeObserver(() => {
    if (figure.clientWidth && figure.clientWidth !== drawn) draw(figure, (drawn = figure.clientWidth));
  }).observe(figure);
  return figure;
}

/** A scatter plot, with a line at 0. */
function scatterPlot({ x, y, xName, label }) {
  return resizing((figure, width) => {
    const [low, high] = extent([...y, 0]);
    const pad = (high - low) * 0.05;
    const [left, right] = extent(x);
    const xs = [left - (right - left) * 0.03, right + (right - left) * 0.03];
    const frame = new Frame(figure, { width, xs, ys: [low - pad, high + pad], xName, label, zero: true });
    x.forEach((value, n) => frame.plot.append(make("circle", { class: "sample", cx: frame.x(value), cy: frame.y(y[n]), r: 2.5 })));
  });
}

/** A histogram, with bars between edges. */
function histogram({ edges, counts, xName, label }) {
  return resizing((figure, width) => {
    const frame = new Frame(figure, { width, xs: extent(edges), ys: [0, Math.max(...counts) * 1.05], xName, label });
    counts.forEach((count, n) => {
      const [left, right, top] = [frame.x(edges[n]), frame.x(edges[n + 1]), frame.y(count)];
      const title = make("title", {}, `${show(edges[n])} to ${show(edges[n + 1])}: ${count}`);
      frame.plot.append(make("rect", { class: "bar", x: left + 0.5, y: top, width: Math.max(right - left - 1, 0.5), height: frame.y(0) - top }, title));
    });
  });
}
