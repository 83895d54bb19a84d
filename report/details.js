/** @import { Bar, Letter, Report, TaskLife } from "../src/core/report/report.ts" */
/** @import { Item } from "./tracks.js" */
import { amountOf, element, lengthOf, made, offsetOf } from "./words.js";

/** What is known of the one thing that was chosen. */

/** @type {Readonly<Record<Bar["kind"], string>>} */
const KIND_NAMES = {
  turn: "Turn",
  call: "Model call",
  tool: "Tool",
  wait: "Wait for a person",
  task: "Task",
};

export class Details {
  /**
   * @param {Report} report
   * @param {{ zoomTo(item: Item): void, chooseTask(taskId: number): void }} acts
   */
  constructor(report, acts) {
    this.report = report;
    this.acts = acts;
    this.panel = element("details");
    this.nothing();
  }

  nothing() {
    this.panel.replaceChildren(
      made("p", {
        className: "quiet",
        textContent: "Choose a bar, an arrow or a row of a table to see what is known of it.",
      }),
    );
  }

  /** @param {Item} item */
  show(item) {
    const parts = item.letter ? this.#letter(item.letter) : this.#bar(item.bar);
    const zoom = made("button", {
      type: "button",
      textContent: "Zoom to it",
      onclick: () => this.acts.zoomTo(item),
    });
    this.panel.replaceChildren(...parts, zoom);
  }

  /** @param {TaskLife} task */
  showTask(task) {
    this.panel.replaceChildren(...this.#task(task));
  }

  /** @param {Bar} bar @returns {readonly Node[]} */
  #bar(bar) {
    const { lanes, tasks } = this.report;
    const task = bar.kind === "task" ? tasks.find(({ taskId }) => taskId === bar.task) : undefined;
    const more = task
      ? made("button", {
          type: "button",
          className: "link",
          textContent: "The whole task",
          onclick: () => this.acts.chooseTask(task.taskId),
        })
      : undefined;
    return [
      ...heading(KIND_NAMES[bar.kind], bar.name),
      ...(bar.error === undefined ? [] : [made("p", { className: "fault", textContent: `✕ ${bar.error}` })]),
      listed([
        ["who", lanes[bar.lane]?.name ?? ""],
        ["began", this.#instant(bar.from)],
        bar.open ? ["goes on since", lengthOf(bar.to - bar.from)] : ["took", lengthOf(bar.to - bar.from)],
        ...Object.entries(bar.facts).map(
          ([label, value]) =>
            /** @type {const} */ ([label, typeof value === "number" ? amountOf(value) : value]),
        ),
      ]),
      ...(more ? [made("p", {}, [more])] : []),
    ];
  }

  /** @param {Letter} letter @returns {readonly Node[]} */
  #letter({ from, to, sentAt, readAt, state, kind, bytes, summary }) {
    const { lanes } = this.report;
    return [
      ...heading("Mail", summary ?? kind.replaceAll("_", " ")),
      listed([
        ["from", lanes[from]?.name ?? ""],
        ["to", lanes[to]?.name ?? ""],
        ["kind", kind.replaceAll("_", " ")],
        ["sent", this.#instant(sentAt)],
        ...(readAt === undefined
          ? [/** @type {const} */ (["state", state])]
          : [
              /** @type {const} */ (["read", this.#instant(readAt)]),
              /** @type {const} */ (["on its way for", lengthOf(readAt - sentAt)]),
            ]),
        ...(bytes === undefined ? [] : [/** @type {const} */ (["length", `${amountOf(bytes)} bytes`])]),
      ]),
    ];
  }

  /** @param {TaskLife} task @returns {readonly Node[]} */
  #task({ taskId, subject, status, owner, steps }) {
    return [
      ...heading("Task", `#${taskId} ${subject ?? ""}`),
      listed([
        ["status", status.replaceAll("_", " ")],
        ["owner", owner ?? "nobody"],
      ]),
      made(
        "ol",
        {},
        steps.map(({ at, what, by }) =>
          made("li", {
            textContent: `${what}${by === undefined ? "" : ` by ${by}`}, ${offsetOf(at, 1_000)}`,
          }),
        ),
      ),
    ];
  }

  /** Since the beginning, and by the clock of whoever looks. @param {number} ms */
  #instant(ms) {
    return `${offsetOf(ms)} (${new Date(this.report.run.startedAt + ms).toLocaleTimeString()})`;
  }
}

/** @param {string} kind @param {string} name */
function heading(kind, name) {
  return [made("p", { className: "quiet", textContent: kind }), made("h3", { textContent: name })];
}

/** @param {readonly (readonly [label: string, value: string])[]} facts */
function listed(facts) {
  return made(
    "dl",
    {},
    facts.flatMap(([label, value]) => [
      made("dt", { textContent: label }),
      made("dd", { textContent: value }),
    ]),
  );
}
