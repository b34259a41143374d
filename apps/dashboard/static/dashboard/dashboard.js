// The dashboard: what the page does with each point that the stream brings.
(() => {
  "use strict";

  const BUCKET = 3;
  const HISTORY = 300;
  const SILENCE = 12_000;

  const root = document.getElementById("dashboard");
  const state = document.getElementById("dashboard-state");
  const table = document.getElementById("dashboard-table");
  const language = document.documentElement.lang;
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const points = JSON.parse(document.getElementById("dashboard-points").textContent);

  const timeOf = (point) => clock.format((point.time + BUCKET) * 1000);

  // Figures

  const figure = (element) => {
    const { figure: name, unit, digits, scale } = element.dataset;
    const number = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    const output = element.querySelector("[dj-sse-field]");
    return {
      name, unit, digits: Number(digits), output, shown: output.textContent,
      label: element.querySelector("dt").textContent.trim(),
      swatch: element.querySelector(".swatch"),
      value: (point) => (point?.[name] ?? null) === null ? null : point[name] / scale,
      format: (value) => value === null ? "–" : number.format(value),
    };
  };

  const show = (figures, point) => {
    const changed = figures.filter((each) => {
      const text = each.format(each.value(point));
      each.output.textContent = text;
      if (text === each.shown) return false;
      each.shown = text;
      return true;
    });
    for (const { output } of changed) output.classList.remove("is-fresh");
    void root.offsetWidth; // so that the animation begins anew
    for (const { output } of changed) output.classList.add("is-fresh");
  };

  // Charts

  const chart = (card) => {
    const figures = [...card.querySelectorAll("[data-figure]")].map(figure);
    const readout = card.querySelector(".readout");
    const note = card.querySelector("[data-note]");

    const readAt = (index) => {
      const time = (index ?? null) === null ? null : plot.times?.[index];
      if (!time) return readout.replaceChildren();
      const point = points.find((each) => each.time === time);
      const words = figures.map((each) => `${each.format(each.value(point))} ${each.unit}`.trim());
      readout.textContent = `${timeOf({ time })} · ${words.join(" / ")}`;
    };

    const plot = new DashboardPlot(card.querySelector(".plot"), figures, {
      least: Number(card.dataset.least),
      unit: card.dataset.unit,
      onPoint: readAt,
    });

    return {
      figures,
      recolour: () => plot.recolour(),
      draw(times, byTime) {
        plot.times = times;
        plot.show([times, ...figures.map((each) => times.map((time) => each.value(byTime.get(time))))]);
        const isMissing = points.length && figures[0].value(points.at(-1)) === null;
        note.textContent = isMissing ? note.dataset.missing : note.dataset.note;
      },
    };
  };

  const charts = [...root.querySelectorAll(".chart")].map(chart);
  const figures = charts.flatMap((each) => each.figures);

  // Every bucket has its place, so that those nobody measured are gaps.
  const draw = () => {
    const last = points.at(-1)?.time;
    if (!last) return;
    const times = Array.from({ length: HISTORY / BUCKET }, (_, i) => last - HISTORY + (i + 1) * BUCKET);
    const byTime = new Map(points.map((point) => [point.time, point]));
    for (const each of charts) each.draw(times, byTime);
  };

  // Table

  const row = (point) => {
    const line = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = timeOf(point);
    const cells = figures.map((each) => {
      const cell = document.createElement("td");
      cell.className = "num";
      cell.textContent = each.format(each.value(point));
      return cell;
    });
    line.append(head, ...cells);
    return line;
  };

  const body = table.querySelector("tbody");
  const fillTable = () => body.replaceChildren(...(table.open ? points.map(row).reverse() : []));
  const addToTable = (point) => {
    if (!table.open) return;
    body.prepend(row(point));
    while (body.rows.length > points.length) body.lastElementChild.remove();
  };

  // State: whether the numbers are those of now

  let heard = performance.now();

  const stateOf = (classes) => {
    const silence = performance.now() - heard;
    if (!points.length) return "empty";
    if (classes.contains("sse-disconnected")) return "offline";
    if (classes.contains("sse-connecting") && silence > BUCKET * 1000) return "connecting";
    return silence > SILENCE ? "silent" : "fresh";
  };

  const showState = () => {
    const name = stateOf(root.classList);
    const time = points.length ? timeOf(points.at(-1)) : "–";
    const words = state.dataset[name].replace("{time}", time);
    root.classList.toggle("is-silent", name === "silent");
    if (state.textContent !== words) state.textContent = words;
  };

  // Life

  const add = (point) => {
    if (point.time <= (points.at(-1)?.time ?? 0)) return;
    points.push(point);
    while (points[0].time <= point.time - HISTORY) points.shift();
    heard = performance.now();
    addToTable(point);
    draw();
  };

  root.addEventListener("sse:data", ({ detail }) => {
    if (detail.event !== "stats") return;
    add(detail.data);
    show(figures, points.at(-1));
    showState();
  });
  root.addEventListener("sse:state", showState);
  table.addEventListener("toggle", fillTable);
  setInterval(showState, 1000);

  const recolour = () => charts.forEach((each) => each.recolour());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  draw();
  show(figures, points.at(-1));
  showState();
  fillTable();
})();
