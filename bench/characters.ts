import type { Bench } from "../test/support/bench.ts";
import { call, type Reply, say } from "../test/support/model-replies.ts";
import type { ModelRequest } from "../test/support/model-request.ts";
import type { Section } from "./section.ts";
import { openSide } from "./sides.ts";

const ASK = "Hello, please have a look at the README.";
const ASK_TEAM = "Please make a team that looks at the README.";
const AGAIN = "And what do you think of it?";
const BRIEF = "Read the README and say in one sentence what it is.";

/** Characters of one request. */
export interface Weight {
  /** As JSON. */
  readonly tools: number;
  readonly system: number;
  /** As JSON, without the system prompt. */
  readonly messages: number;
}

export interface RoleWeight {
  /** The first request of the session. */
  readonly bare: Weight;
  readonly ours: Weight;
  /** Our tools in it, as JSON; the rest of the difference is what the member's rules take away. */
  readonly teamTools: number;
  /** How many requests, over two turns, were compared byte by byte in system prompt and tools. */
  readonly compared: number;
  readonly steady: boolean;
}

export type Role = "ordinary" | "lead" | "member";

export async function weighRequests(): Promise<Readonly<Record<Role, RoleWeight>>> {
  const [bare, on] = await Promise.all([bareRequests(), teamRequests()]);
  return {
    ordinary: compare(bare.ordinary, on.ordinary),
    lead: compare(bare.lead, on.lead, 1),
    member: compare(bare.member, on.member),
  };
}

export async function measureCharacters(): Promise<Section> {
  const weights = await weighRequests();
  const line = (who: string, { bare, ours, teamTools, compared, steady }: RoleWeight): readonly string[] => [
    who,
    `${whole(bare)} → ${whole(ours)}`,
    signed(sum(ours) - sum(bare)),
    `${signed(ours.tools - bare.tools)} (${teamTools.toLocaleString("en-US")})`,
    signed(ours.system - bare.system),
    signed(ours.messages - bare.messages),
    steady ? `yes, ${compared} requests` : `**no**, ${compared} requests`,
  ];
  return {
    title: "What the model is sent",
    method:
      "Characters of the first request of a session: tools and messages as JSON, the system prompt as text. Bare: the same words to the same agent in the same work tree without the plugin; for a member, the words of its brief to a child session. Added tools are net, with those of flotilla alone in brackets: a member's rules also hide some of the host's own. The last column: over two turns with tool calls no byte of system prompt and tools changed, for a lead from its team's beginning on. n = 1, because nothing here varies.",
    header: [
      "",
      "request, bare → with flotilla",
      "added",
      "tools (flotilla's)",
      "system prompt",
      "messages",
      "system prompt and tools identical from turn to turn",
    ],
    lines: [
      line("session in no team", weights.ordinary),
      line("lead", weights.lead),
      line("member", weights.member),
    ],
    notes: [],
  };
}

type Requests = Readonly<Record<Role, readonly ModelRequest[]>>;

async function bareRequests(): Promise<Requests> {
  await using bench = await openSide("bare");
  const { host } = bench;
  const lead = await host.session();
  await host.prompt(lead.id, ASK_TEAM);
  const member = await host.session({ parentId: lead.id, agent: "general" });
  await host.prompt(member.id, BRIEF, { agent: "general" });
  return {
    ordinary: await ordinaryRequests(bench),
    lead: bench.model.requestsOf(lead.id),
    member: bench.model.requestsOf(member.id),
  };
}

/** A lead makes a team, its member reads a file and reports; then each has a second turn. */
async function teamRequests(): Promise<Requests> {
  await using bench = await openSide("on");
  const { host, model } = bench;
  const { id: lead } = await host.session();
  model.script((request) => {
    if (request.sessionId === lead) return leadStep(request);
    if (request.parentSessionId !== lead) return undefined;
    return afterOneCall(request, call("team_status"));
  });
  await host.prompt(lead, ASK_TEAM);
  const first = await model.request((request) => request.parentSessionId === lead);
  await host.settled(first.sessionId ?? "");
  await host.prompt(lead, AGAIN);
  await model.request(
    (request) => request.sessionId === first.sessionId && request.lastUserText.includes("second"),
  );
  await host.settled(first.sessionId ?? "");
  return {
    ordinary: await ordinaryRequests(bench),
    lead: model.requestsOf(lead),
    member: model.requestsOf(first.sessionId ?? ""),
  };
}

function leadStep(request: ModelRequest): Reply {
  if (request.lastUserText === ASK_TEAM) {
    const scout = { name: "scout", subagent_type: "general", prompt: BRIEF };
    return afterOneCall(request, call("team_create", { inline_spec: { name: "readers", members: [scout] } }));
  }
  if (request.lastUserText === AGAIN) {
    return afterOneCall(request, call("team_send_message", { to: "scout", body: "A second look, please." }));
  }
  return say("Noted.");
}

async function ordinaryRequests({ host, model, host: { work } }: Bench): Promise<readonly ModelRequest[]> {
  const { id } = await host.session();
  model.script((request) =>
    request.sessionId === id
      ? afterOneCall(request, call("read", { filePath: `${work}/README.md` }))
      : undefined,
  );
  await host.prompt(id, ASK);
  await host.prompt(id, AGAIN);
  return model.requestsOf(id);
}

function afterOneCall(request: ModelRequest, first: Reply): Reply {
  return request.toolResultsSinceLastUser.length === 0 ? first : say("Done.");
}

/** @param since how many requests there are before the session's part in a team begins. */
function compare(bare: readonly ModelRequest[], ours: readonly ModelRequest[], since = 0): RoleWeight {
  const [bareFirst] = bare;
  const [first] = ours;
  if (bareFirst === undefined || first === undefined) throw new Error("a session made no request");
  return {
    bare: weightOf(bareFirst),
    ours: weightOf(first),
    teamTools: JSON.stringify(listOf(first.body["tools"]).filter(isTeamTool)).length,
    compared: ours.length - since,
    steady: new Set(ours.slice(since).map(fixedPart)).size === 1,
  };
}

function weightOf({ body, system }: ModelRequest): Weight {
  const messages = listOf(body["messages"]).filter((message) => message["role"] !== "system");
  return {
    tools: JSON.stringify(body["tools"]).length,
    system: system.length,
    messages: JSON.stringify(messages).length,
  };
}

/** What a provider's prompt cache needs to find unchanged. */
function fixedPart({ body, system }: ModelRequest): string {
  return JSON.stringify([system, body["tools"]]);
}

function isTeamTool(tool: Readonly<Record<string, unknown>>): boolean {
  return JSON.stringify(tool["function"]).includes('"name":"team_');
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value : [];
}

function sum({ tools, system, messages }: Weight): number {
  return tools + system + messages;
}

function whole(weight: Weight): string {
  return sum(weight).toLocaleString("en-US");
}

function signed(difference: number): string {
  return `${difference < 0 ? "−" : "+"}${Math.abs(difference).toLocaleString("en-US")}`;
}
