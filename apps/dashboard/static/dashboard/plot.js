// One chart: lines over a range of time, drawn by uPlot in the colours of the page.
(() => {
  "use strict";

  const ticks = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((power) => [1, 2, 5].map((n) => n * 10 ** power));
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360].map((n) => n * 60);
  const isWhole = (tick) => tick >= 1;

  const language = document.documentElement.lang;
  const timeOnAxis = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

  const hasValue = (value) => value !== null && value !== undefined;

  // Mark values between two gaps, which have no line, and the newest value.
  const dots = (plot, series) => {
    const values = plot.data[series];
    return [...values.keys()].filter(
      (i) => hasValue(values[i]) && (i === values.length - 1 || !(hasValue(values[i - 1]) || hasValue(values[i + 1]))),
    );
  };

  // A canvas cannot use CSS custom properties: read the colours from elements.
  const colours = (element) => {
    const style = getComputedStyle(element);
    return { text: style.color, line: style.borderTopColor, fill: style.backgroundColor, font: style.font };
  };

  class Plot {
    // `container` is filled; each of `figures` has a label, a swatch and digits; the
    // vertical axis reaches `softMax` and shows `unit`; the horizontal one is `length` seconds long and has no
    // labels if the chart `isSmall`. `onPoint` receives the index under the pointer, or null.
    constructor(container, figures, { softMax, unit, length, isSmall, onPoint }) {
      this.container = container;
      this.figures = figures;
      this.softMax = softMax;
      this.unit = unit;
      this.length = length;
      this.isSmall = isSmall;
      this.readColours();
      this.plot = new uPlot(this.options(onPoint), [[], ...figures.map(() => [])], container);
      new ResizeObserver(() => this.plot.setSize(this.size())).observe(container);
    }

    // `columns` are the times, in unix seconds, and the values of each figure, null for a gap.
    show(columns) {
      this.plot.setData(columns);
    }

    recolour() {
      this.readColours();
      this.plot.redraw(false, true);
    }

    readColours() {
      this.colours = colours(this.container);
      this.series = this.figures.map((figure) => colours(figure.swatch));
    }

    size() {
      return { width: this.container.clientWidth, height: this.container.clientHeight };
    }

    options(onPoint) {
      const text = () => this.colours.text;
      const line = { stroke: () => this.colours.line, width: 1 };
      const { digits } = this.figures[0];
      const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: digits });
      return {
        ...this.size(),
        padding: [8, this.isSmall ? 6 : 16, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: "dashboard" }, points: { size: 8, width: 2 } },
        scales: { x: { range: (plot) => this.span(plot.data[0]) }, y: { range: (plot, min, max) => this.reach(max) } },
        axes: [
          {
            stroke: text, font: this.colours.font, size: this.isSmall ? 4 : 24, gap: 4, space: 72, incrs: minutes,
            grid: { show: false }, ticks: { ...line, size: 4 }, border: { ...line, show: true },
            values: (plot, times) => times.map((time) => this.isSmall ? null : timeOnAxis.format(time * 1000)),
          },
          {
            stroke: text, font: this.colours.font, gap: 6, space: this.isSmall ? 20 : 30, grid: line, ticks: { show: false },
            incrs: digits ? ticks : ticks.filter(isWhole),
            size: (plot, values) => this.widest(plot.ctx, values ?? []),
            values: (plot, values) => values.map((value) => numbers.format(value) + this.unit),
          },
        ],
        series: [{}, ...this.figures.map((figure, i) => this.seriesOptions(figure, i))],
        hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx)] },
      };
    }

    seriesOptions(figure, i) {
      return {
        label: figure.label,
        stroke: () => this.series[i].line,
        fill: () => this.series[i].fill,
        width: 2,
        dash: i ? [5, 4] : undefined,
        points: { show: true, size: 6, width: 0, fill: () => this.series[i].line, filter: dots },
      };
    }

    span(times) {
      const now = Date.now() / 1000;
      return times.length ? [times[0], times.at(-1)] : [now - this.length, now];
    }

    reach(highest) {
      const top = Math.max(highest ?? 0, this.softMax) * 1.1;
      return [0, top];
    }

    widest(context, values) {
      context.save();
      context.font = this.colours.font;
      const widths = values.map((value) => context.measureText(value).width);
      context.restore();
      return Math.ceil(Math.max(24, ...widths)) + 10;
    }
  }

  globalThis.DashboardPlot = Plot;
})();
