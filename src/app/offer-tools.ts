import type { SessionId } from "../core/ids.ts";
import { deniedTools, offersLead } from "../core/permission-rules.ts";
import { toolRules } from "../core/tool-rules.ts";
import type { SessionIndex } from "./session-index.ts";
import type { World } from "./world.ts";

/** What a prompt says about itself when it reaches a session. */
export interface PromptNews {
  readonly sessionId: SessionId;
  readonly text: string;
  /** The agent that the turn will run. */
  readonly agent?: string;
  /** Ours, not a person's: it reveals nothing. */
  readonly ours: boolean;
}

/** When root sessions are offered a lead's tools. */
export type OfferPolicy = "on_request" | "always";

/**
 * A person's prompt is not held longer than this for the sake of its tools: they then come with the next turn. The calls
 * behind it take some 20 ms together.
 */
const PATIENCE_MS = 2_000;

/** What a person says who wants a team. `/team` is the command's own text. */
const ASKS_FOR_TEAM = /\b(?:teams?|teammates?|swarms?|parallel agents?)\b|^\s*\/team\b/i;

/**
 * Offers a session the lead's tools before its turn starts, by rules of its own that the host reads at the turn's
 * beginning: when the person asks for a team, and from the first prompt on where nobody could ask twice (`opencode run`)
 * or the configuration says so. Only root sessions lead.
 */
export class ToolOffers {
  readonly #world: World;
  readonly #index: SessionIndex;

  constructor(world: World, index: SessionIndex) {
    this.#world = world;
    this.#index = index;
  }

  /** Whether the session has the lead's tools: by its own rules, which outlive this process. */
  async isOffered(sessionId: SessionId): Promise<boolean> {
    return offersLead((await this.#world.host.session(sessionId))?.rules ?? []);
  }

  /** Called and awaited before the turn of a prompt starts. */
  async prompted(news: PromptNews, policy: OfferPolicy): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#world.clock.after(PATIENCE_MS, resolve);
      this.#offer(news, policy).then(resolve, reject).finally(cancel);
    });
  }

  async #offer(news: PromptNews, policy: OfferPolicy): Promise<void> {
    const { sessionId } = news;
    if (news.ours || this.#index.seat(sessionId)) return;
    if (policy === "on_request" && !ASKS_FOR_TEAM.test(news.text)) return;
    const session = await this.#world.host.session(sessionId);
    if (!session || session.parentId !== undefined || offersLead(session.rules)) return;
    const agents = await this.#world.host.agents(session.directory);
    const agent = agents.find((one) => one.name === (news.agent ?? session.agent));
    await this.#world.host.addRules(sessionId, toolRules("lead", deniedTools(agent?.rules ?? [])));
  }
}
