/** @import { Report, TaskLife, Totals } from "../src/core/report/report.ts" */
import { amountOf, element, lengthOf, made } from "./words.js";

/** What stands around the picture: totals, everybody, tasks. */

/** @type {readonly (readonly [label: string, say: (totals: Totals) => string])[]} */
const COLUMNS = [
  ["turns", ({ turns }) => amountOf(turns)],
  ["model calls", ({ calls }) => amountOf(calls)],
  ["tools", ({ tools }) => amountOf(tools)],
  ["failed", ({ failures }) => amountOf(failures)],
  ["input tokens", ({ inputTokens }) => amountOf(inputTokens)],
  ["output tokens", ({ outputTokens }) => amountOf(outputTokens)],
  ["cost", ({ cost }) => amountOf(cost)],
  ["waited for a person", ({ waitedMs }) => lengthOf(waitedMs)],
  ["mail sent", ({ sent }) => amountOf(sent)],
  ["mail received", ({ received }) => amountOf(received)],
];

/** @param {Report} report */
export function showTotals({ run, totals }) {
  const length = /** @type {const} */ ([
    "time",
    run.isOver ? lengthOf(run.lengthMs) : `${lengthOf(run.lengthMs)} so far`,
  ]);
  const said = COLUMNS.slice(0, -1).map(([label, say]) => /** @type {const} */ ([label, say(totals)]));
  element("totals").replaceChildren(
    ...[length, ...said].map(([label, value]) =>
      made("div", {}, [made("dt", { textContent: label }), made("dd", { textContent: value })]),
    ),
  );
}

/** @param {Report} report */
export function showLeftOut({ leftOut }) {
  const said = Object.entries(leftOut).flatMap(([what, count]) =>
    count > 0 ? [`${amountOf(count)} ${what}`] : [],
  );
  const note = element("left-out");
  note.hidden = said.length === 0;
  note.textContent = `The run is longer than a page can show: the oldest ${said.join(", ")} are left out. The totals hold all.`;
}

/**
 * @param {Report} report
 * @param {(lane: number) => void} choose
 */
export function showMembers({ lanes }, choose) {
  const heads = COLUMNS.map(([label]) =>
    made("th", { className: "number", textContent: label, scope: "col" }),
  );
  element("members").replaceChildren(
    made("thead", {}, [made("tr", {}, [made("th", { textContent: "name", scope: "col" }), ...heads])]),
    made(
      "tbody",
      {},
      lanes.map(({ name, totals }, lane) =>
        made("tr", {}, [
          made("td", {}, [link(name, () => choose(lane))]),
          ...COLUMNS.map(([, say]) => made("td", { className: "number", textContent: say(totals) })),
        ]),
      ),
    ),
  );
}

/**
 * @param {Report} report
 * @param {(task: TaskLife) => void} choose
 */
export function showTasks({ tasks }, choose) {
  if (tasks.length === 0) {
    element("tasks").replaceWith(made("p", { className: "quiet", textContent: "The team made no tasks." }));
    return;
  }
  const heads = ["task", "status", "owner", "steps"].map((textContent) =>
    made("th", { textContent, scope: "col" }),
  );
  element("tasks").replaceChildren(
    made("thead", {}, [made("tr", {}, heads)]),
    made(
      "tbody",
      {},
      tasks.map((task) =>
        made("tr", {}, [
          made("td", {}, [link(`#${task.taskId} ${task.subject ?? ""}`, () => choose(task))]),
          made("td", { textContent: task.status.replaceAll("_", " ") }),
          made("td", { textContent: task.owner ?? "nobody" }),
          made("td", { className: "number", textContent: String(task.steps.length) }),
        ]),
      ),
    ),
  );
}

/** @param {string} textContent @param {() => void} onclick */
function link(textContent, onclick) {
  return made("button", { type: "button", className: "link", textContent, onclick });
}
