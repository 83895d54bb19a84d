import { wantsAttention } from "./glance.ts";
import type { MemberStatus } from "./run.ts";
import type { ParticipantSurvey, RunSurvey } from "./survey.ts";

/** Fits beside a clock and a branch: what is longer is cut. */
const LONGEST = 80;

/** Beyond these, people are counted. */
const NAMED = 2;

/**
 * A run in one line, for a prompt or a bar: whom a person should look after first, then how many do what.
 *
 *     greeter: ada needs approval (bash), bo interrupted, 2 working
 */
export function statusLine({ team, lead, members, runStatus }: RunSurvey): string {
  const asking = [lead, ...members].filter(({ gates }) => gates.length > 0);
  const wanting = members.filter(({ status }) => wantsAttention(status));
  const parts = [
    ...(runStatus === "active" ? [] : [runStatus]),
    ...(asking.length > NAMED ? [`${asking.length} need approval`] : asking.map(sayAsking)),
    ...(wanting.length > NAMED ? [`${wanting.length} want attention`] : wanting.map(sayStatus)),
    ...COUNTED.flatMap((status) => {
      const { length } = members.filter((member) => member.status === status);
      return length === 0 ? [] : [`${length} ${status}`];
    }),
  ];
  const line = [...inOneLine(`${team}: ${parts.join(", ")}`)];
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1).join("")}…` : line.join("");
}

/** What is asked for is named by whoever asks, another plugin's tool too: bars and prompts obey what they are given. */
function inOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");
}

const COUNTED: readonly MemberStatus[] = ["working", "starting", "waiting", "done"];

function sayAsking({ participant, gates }: ParticipantSurvey): string {
  return `${participant} needs approval (${gates[0]?.subject ?? gates[0]?.kind})`;
}

function sayStatus({ participant, status }: ParticipantSurvey): string {
  return `${participant} ${status}`;
}
