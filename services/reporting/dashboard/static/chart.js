// Draws a page's charts: targets as bars in percent of each target with the expected pace as a mark, and a figure
// over time as a line or as columns. What is drawn stands in a table of the same section.
"use strict";

(() => {
  const LINE = 18; // height of a line of text above a bar
  const KEY = 26; // height of the legend
  const AXIS = 30; // height of the axis with its labels
  const NARROW = 560;
  const font = getComputedStyle(document.body).fontFamily;
  const forced = matchMedia("(forced-colors: active)");

  // A colour of the style sheet as the browser works it out: a canvas is not recoloured by itself where a reader has
  // colours of their own.
  function colour(name) {
    const probe = document.querySelector("[data-chart]").appendChild(document.createElement("i"));
    probe.style.forcedColorAdjust = "none";
    probe.style.color = `var(--${name})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function draw(element) {
    const drawn = JSON.parse(element.dataset.chart);
    element.hidden = false;
    return drawn.kind === "targets" ? targets(element, drawn) : series(element, drawn);
  }

  function chartIn(element, options) {
    const chart = echarts.init(element, null, {
      renderer: "canvas",
      devicePixelRatio: Math.max(2, devicePixelRatio), // sharp on paper too
    });
    chart.setOption({ animation: false, textStyle: { fontFamily: font }, ...options });
    return chart;
  }

  function series(element, drawn) {
    element.style.height = "220px";
    const small = { color: colour("quiet"), fontFamily: font, fontSize: 12 };
    const numbers = new Intl.NumberFormat(document.documentElement.lang);
    const line = drawn.form === "line";
    const longest = Math.max(...drawn.values.map((value) => numbers.format(value).length));
    const few = drawn.values.length * (7 * longest + 12) <= element.clientWidth;
    const from = line ? beginning(drawn.values) : 0;
    return chartIn(element, {
      title: {
        show: from > 0,
        text: drawn.cut.replace("{value}", numbers.format(from)),
        left: 0,
        top: 2,
        padding: 0,
        textStyle: { ...small, fontWeight: "normal", lineHeight: LINE },
      },
      grid: { left: 4, right: 12, top: from > 0 ? 44 : 24, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: {
        type: "category",
        data: drawn.labels,
        boundaryGap: true,
        axisTick: { show: false },
        axisLine: { lineStyle: { color: colour("quiet") } },
        axisLabel: { ...small, hideOverlap: true },
      },
      yAxis: {
        type: "value",
        minInterval: 1,
        min: from,
        axisLabel: { ...small, formatter: (value) => numbers.format(value) },
        splitLine: { lineStyle: { color: colour("line") } },
      },
      tooltip: { trigger: "axis", valueFormatter: (value) => numbers.format(value), textStyle: { fontFamily: font } },
      series: [
        {
          name: drawn.name,
          type: line ? "line" : "bar",
          data: drawn.values,
          symbolSize: 6,
          showSymbol: few,
          barMaxWidth: 34,
          itemStyle: { color: colour("on_track") },
          lineStyle: { width: 2 },
          label: {
            show: few,
            position: "top",
            formatter: ({ value }) => numbers.format(value),
            color: colour("ink"),
            fontFamily: font,
            fontSize: 12,
          },
        },
      ],
    });
  }

  // A level that hardly changes is drawn from near its least value, since from 0 it would be a flat line; it says so.
  function beginning(values) {
    const [min, max] = [Math.min(...values), Math.max(...values)];
    if (max - min >= max / 4) return 0;
    const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, max - min))));
    return Math.max(0, Math.floor(min / step - 1) * step);
  }

  function targets(element, drawn) {
    const bars = [...drawn.bars].reverse(); // the axis begins at the bottom
    const lines = element.clientWidth < NARROW ? 3 : 1;
    const row = lines * LINE + 34;
    element.style.height = `${bars.length * row + KEY + (lines * LINE) / 2 + AXIS}px`;
    return chartIn(element, options(element, drawn, bars, lines));
  }

  function options(element, drawn, bars, lines) {
    const reach = Math.max(100, ...bars.map((bar) => Math.max(bar.share ?? 0, bar.expected ?? 0)));
    const max = Math.ceil(reach / 25) * 25;
    const size = lines === 1 ? 13 : 12;
    const text = { color: colour("ink"), fontFamily: font, fontSize: size, lineHeight: LINE };
    const numbers = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 0 });
    const label = (bar) =>
      lines === 1
        ? `{name|${bar.metric} · ${bar.basis}}   ${bar.figures}   {${bar.status}|${bar.said}}`
        : `{name|${bar.metric}}\n${bar.basis} · ${bar.figures}\n{${bar.status}|${bar.said}}`;
    const statuses = Object.fromEntries(
      ["exceeded", "attained", "on_track", "behind", "missed"].map((status) => [
        status,
        { color: colour(forced.matches ? "ink" : status), fontWeight: 600, fontFamily: font, fontSize: size, lineHeight: LINE },
      ]),
    );
    return {
      grid: { left: 2, right: 2, top: KEY + (lines * LINE) / 2, bottom: AXIS, outerBoundsMode: "none" },
      legend: {
        top: 0,
        left: 0,
        itemWidth: 14,
        itemHeight: 14,
        selectedMode: false,
        textStyle: { ...text, fontSize: 12 },
        data: [
          { name: drawn.pace, icon: "rect" },
          { name: drawn.target, icon: "rect" },
        ],
      },
      xAxis: {
        min: 0,
        max,
        interval: max <= 200 && lines === 1 ? 25 : undefined,
        axisLabel: {
          ...text,
          fontSize: 12,
          color: colour("quiet"),
          alignMinLabel: "left",
          alignMaxLabel: "right",
          hideOverlap: true,
          formatter: (value) => drawn.percent.replace("{value}", numbers.format(value)),
        },
        splitLine: { lineStyle: { color: colour("line") } },
      },
      yAxis: { type: "category", data: bars.map((bar, index) => index), show: false },
      series: [
        {
          type: "bar",
          silent: true,
          barWidth: 16,
          showBackground: true,
          backgroundStyle: { color: colour("track") },
          data: bars.map((bar) => ({ value: bar.share ?? 0, itemStyle: { color: colour(bar.status) } })),
          label: {
            show: true,
            position: [0, -(lines * LINE) - 4],
            formatter: ({ dataIndex }) => label(bars[dataIndex]),
            ...text,
            width: element.clientWidth - 4,
            overflow: "truncate", // the table has it in full
            rich: { name: { ...text, fontWeight: 600 }, ...statuses },
          },
        },
        mark(drawn.pace, colour("pace"), [4, 26], bars.map((bar) => bar.expected)),
        mark(drawn.target, colour("ink"), [2, 26], bars.map((bar) => (bar.share === null ? null : 100))),
      ],
    };
  }

  function mark(name, ink, size, values) {
    return {
      name,
      type: "scatter",
      silent: true,
      symbol: "rect",
      symbolSize: size,
      itemStyle: { color: ink, opacity: 1 },
      z: 3,
      data: values.map((value, index) => (value === null ? null : [value, index])).filter(Boolean),
    };
  }

  let drawn = [];
  function drawAll() {
    for (const [element, chart] of drawn) {
      chart.dispose();
      element.removeAttribute("style");
    }
    drawn = [...document.querySelectorAll("[data-chart]")].map((element) => [element, draw(element)]);
  }

  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawAll();
  });
  document.addEventListener("ketnap:swapped", drawAll);
  forced.addEventListener("change", drawAll);
  drawAll();
})();
