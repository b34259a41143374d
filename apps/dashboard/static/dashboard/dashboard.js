// The dashboard shows each point of the stream in figures, charts and a table.
(() => {
  "use strict";

  const BUCKET = 3;
  const SILENCE = 12_000;

  const root = document.getElementById("dashboard");
  const state = document.getElementById("dashboard-state");
  const table = document.getElementById("dashboard-table");
  const pause = document.getElementById("dashboard-pause");
  const [STEP, LENGTH] = [Number(root.dataset.step), Number(root.dataset.length)];
  const language = document.documentElement.lang;
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" });

  // Longer ranges have their own stream; the large numbers are always current.
  const source = table.hasAttribute("dj-sse") ? table : root;
  let { points, now } = JSON.parse(document.getElementById("dashboard-points").textContent);
  let shown = points;

  const timeOf = (time, step = STEP) => clock.format((time + step) * 1000);

  // Figures

  const figure = (element) => {
    const { figure: name, digits, scale } = element.dataset;
    const number = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    const output = element.querySelector("[dj-sse-field]");
    return {
      name, digits: Number(digits), output, shown: output.textContent,
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
    void root.offsetWidth; // restarts the animation
    for (const { output } of changed) output.classList.add("is-fresh");
  };

  // Charts

  const chart = (card) => {
    const figures = [...card.querySelectorAll("[data-figure]")].map(figure);
    const readout = card.querySelector(".readout");
    const note = card.querySelector("[data-note]");
    const { softMax, unit } = card.dataset;

    const readAt = (index) => {
      const time = (index ?? null) === null ? null : plot.times?.[index];
      if (!time) return readout.replaceChildren();
      const point = shown.find((each) => each.time === time);
      const words = figures.map((each) => each.format(each.value(point)));
      readout.textContent = `${timeOf(time)} · ${words.join(" / ")}${unit}`;
      readout.classList.toggle("is-left", index > plot.times.length / 2);
    };

    const plot = new DashboardPlot(card.querySelector(".plot"), figures, {
      softMax: Number(softMax),
      unit,
      length: LENGTH,
      isSmall: !card.matches(".is-wide"),
      onPoint: readAt,
    });

    return {
      figures,
      recolour: () => plot.recolour(),
      draw(times, byTime) {
        plot.times = times;
        plot.show([times, ...figures.map((each) => times.map((time) => each.value(byTime.get(time))))]);
      },
      annotate() {
        if (note) note.textContent = now && figures[0].value(now) === null ? note.dataset.missing : note.dataset.note;
      },
    };
  };

  const charts = [...root.querySelectorAll(".chart")].map(chart);
  const figures = charts.flatMap((each) => each.figures);

  // Draw all buckets, so that missing points are gaps.
  const draw = () => {
    const last = shown.at(-1)?.time;
    if (!last) return;
    const times = Array.from({ length: LENGTH / STEP }, (_, i) => last - LENGTH + (i + 1) * STEP);
    const byTime = new Map(shown.map((point) => [point.time, point]));
    for (const each of charts) each.draw(times, byTime);
  };

  // Table

  const row = (point) => {
    const line = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = timeOf(point.time);
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
  const fillTable = () => body.replaceChildren(...(table.open ? shown.map(row).reverse() : []));

  // State: whether the numbers are current

  let receivedAt = performance.now();
  let paused = null;

  const stateOf = (classes) => {
    const silence = performance.now() - receivedAt;
    if (paused) return "paused";
    if (!now) return "empty";
    if (classes.contains("sse-disconnected")) return "offline";
    if (classes.contains("sse-connecting") && silence > BUCKET * 1000) return "connecting";
    return silence > SILENCE ? "silent" : "fresh";
  };

  const showState = () => {
    const name = stateOf(root.classList);
    const words = state.dataset[name].replace("{paused}", paused).replace("{time}", now ? timeOf(now.time, BUCKET) : "–");
    root.classList.toggle("is-silent", name === "silent");
    root.classList.toggle("is-paused", name === "paused");
    if (state.textContent !== words) state.textContent = words;
  };

  // Updates: while paused, points are stored and not shown

  const store = ({ target, detail }) => {
    if (detail.event !== "stats") return;
    const point = detail.data;
    if (target === root) [now, receivedAt] = [point, performance.now()];
    if (target === source && point.time > (points.at(-1)?.time ?? 0)) {
      points = [...points.filter(({ time }) => time > point.time - LENGTH), point];
    }
  };

  const showAll = () => {
    if (paused) return;
    if (shown !== points) {
      shown = points;
      draw();
      fillTable();
    }
    show(figures, now);
    for (const each of charts) each.annotate();
    showState();
  };

  root.addEventListener("sse:before", (event) => {
    if (!paused) return;
    store(event);
    event.preventDefault();
  });
  root.addEventListener("sse:data", (event) => {
    store(event);
    showAll();
  });
  root.addEventListener("sse:state", showState);
  table.addEventListener("toggle", fillTable);
  setInterval(showState, 1000);

  pause.addEventListener("click", () => {
    paused = paused ? null : clock.format();
    pause.textContent = paused ? pause.dataset.resume : pause.dataset.pause;
    showAll();
    showState();
  });
  pause.disabled = false;

  const recolour = () => charts.forEach((each) => each.recolour());
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", recolour);
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  draw();
  fillTable();
  showAll();
})();
