/** @import { Report } from "../src/core/report/report.ts" */
import { Details } from "./details.js";
import { showLeftOut, showMembers, showTasks, showTotals } from "./tables.js";
import { Timeline } from "./timeline.js";
import { KINDS } from "./tracks.js";
import { element, made } from "./words.js";

/** @type {Report} */
const report = JSON.parse(element("report").textContent ?? "");
const { run, lanes, tasks } = report;

document.title = `${run.label ?? run.team} · flotilla`;
element("title").textContent = run.label === undefined ? run.team : `${run.team} (${run.label})`;
element("subtitle").textContent = [
  run.runId,
  new Date(run.startedAt).toLocaleString(),
  run.isOver ? "over" : "goes on",
  ...(run.error === undefined ? [] : [`✕ ${run.error}`]),
].join(" · ");

const timeline = new Timeline(report);
const details = new Details(report, { zoomTo: (item) => timeline.zoomTo(item), chooseTask });

timeline.onChoose = (item) => (item ? details.show(item) : details.nothing());
showTotals(report);
showLeftOut(report);
showMembers(report, chooseLane);
showTasks(report, ({ taskId }) => chooseTask(taskId));
showMailChoice();
showLegend();
followTheme();

/** @param {number} taskId */
function chooseTask(taskId) {
  const task = tasks.find((one) => one.taskId === taskId);
  const bars = timeline.tracks.all.flatMap(({ items }) => items.filter(({ bar }) => bar?.task === taskId));
  timeline.choose(bars.at(-1));
  if (task) details.showTask(task);
}

/** @param {number} lane */
function chooseLane(lane) {
  timeline.mailOf = lane;
  mailChoice().value = String(lane);
  timeline.showLane(lane);
  timeline.canvas.scrollIntoView({ block: "nearest" });
}

function mailChoice() {
  return /** @type {HTMLSelectElement} */ (element("mail"));
}

function showMailChoice() {
  const choice = mailChoice();
  choice.append(
    made("option", { value: "all", textContent: "of everybody" }),
    ...lanes.map(({ name }, lane) => made("option", { value: String(lane), textContent: `of ${name}` })),
    made("option", { value: "none", textContent: "hidden" }),
  );
  choice.addEventListener("change", () => {
    const { value } = choice;
    timeline.mailOf = value === "all" || value === "none" ? value : Number(value);
    timeline.redraw();
  });
}

/** Each mark by its shape, so that it can be told without its colour. */
function showLegend() {
  const marks = {
    turn: "▭ turn",
    call: "■ model call",
    tool: "■ tool",
    wait: "▨ wait for a person",
    task: "└┘ task",
  };
  element("legend").append(
    ...KINDS.map((kind) => {
      const [mark = "", ...words] = marks[kind].split(" ");
      const sign = made("span", { textContent: mark, ariaHidden: "true" });
      sign.style.color = `var(--${kind === "turn" ? "turn-edge" : kind})`;
      return made("li", {}, [sign, words.join(" ")]);
    }),
    made("li", { textContent: "→ mail" }),
    made("li", { textContent: "⇢ not read" }),
    made("li", { textContent: "✕ failed" }),
    made("li", { textContent: "▸ goes on" }),
  );
}

function followTheme() {
  const theme = /** @type {HTMLSelectElement} */ (element("theme"));
  theme.addEventListener("change", () => {
    document.documentElement.dataset["theme"] = theme.value;
    timeline.recolour();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => timeline.recolour());
}
