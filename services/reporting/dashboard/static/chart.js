// Draws the targets of a page as bars in percent of each target, with the expected pace as a mark.
"use strict";

(() => {
  const LINE = 18; // height of a line of text above a bar
  const KEY = 26; // height of the legend
  const AXIS = 30; // height of the axis with its labels
  const NARROW = 560;
  const styles = getComputedStyle(document.documentElement);
  const colour = (name) => styles.getPropertyValue(`--${name}`).trim();
  const font = getComputedStyle(document.body).fontFamily;

  function draw(element) {
    const bars = JSON.parse(element.dataset.bars).reverse(); // the axis begins at the bottom
    element.hidden = false;
    const lines = element.clientWidth < NARROW ? 3 : 1;
    const row = lines * LINE + 34;
    element.style.height = `${bars.length * row + KEY + (lines * LINE) / 2 + AXIS}px`;
    const chart = echarts.init(element, null, {
      renderer: "canvas",
      devicePixelRatio: Math.max(2, devicePixelRatio), // sharp on paper too
    });
    chart.setOption(options(element, bars, lines));
    return chart;
  }

  function options(element, bars, lines) {
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
        { color: colour(status), fontWeight: 600, fontFamily: font, fontSize: size, lineHeight: LINE },
      ]),
    );
    return {
      animation: false,
      textStyle: { fontFamily: font },
      grid: { left: 2, right: 2, top: KEY + (lines * LINE) / 2, bottom: AXIS, outerBoundsMode: "none" },
      legend: {
        top: 0,
        left: 0,
        itemWidth: 14,
        itemHeight: 14,
        selectedMode: false,
        textStyle: { ...text, fontSize: 12 },
        data: [
          { name: element.dataset.pace, icon: "rect" },
          { name: element.dataset.target, icon: "rect" },
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
          formatter: (value) => element.dataset.percent.replace("{value}", numbers.format(value)),
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
        mark(element.dataset.pace, colour("pace"), [4, 26], bars.map((bar) => bar.expected)),
        mark(element.dataset.target, colour("ink"), [2, 26], bars.map((bar) => (bar.share === null ? null : 100))),
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
    drawn = [...document.querySelectorAll("[data-bars]")].map((element) => [element, draw(element)]);
  }

  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawAll();
  });
  document.addEventListener("ketnap:swapped", drawAll);
  drawAll();
})();
