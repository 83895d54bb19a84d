import { LEAD, type Participant } from "./ids.ts";
import type { RunState } from "./run.ts";
import { type MailSurvey, type Pulse, type RunSurvey, surveyLead, surveyMember } from "./survey.ts";

/** What is seen of a session by whoever is in none of the run's processes. */
const UNSEEN: Pulse = { hasSubagentAtWork: false, abandoned: false };

/**
 * How the participants stand for whoever has only files: as the run's owner shows them, and where it shows nothing, by the
 * same rules from what is committed.
 */
export function surveyFromOutside(
  state: RunState,
  shown: RunSurvey | undefined,
  unread: Readonly<Record<Participant, number>>,
): Pick<RunSurvey, "lead" | "members"> {
  const mail = (participant: Participant): MailSurvey => ({ unread: unread[participant] ?? 0 });
  return {
    lead: shown?.lead ?? surveyLead(state, UNSEEN, mail(LEAD)),
    members: Object.values(state.members).map((member) => {
      const { plan, generation } = member;
      const known = shown?.members.find((one) => one.participant === plan.name);
      // A name that has come back is somebody else, of whom nothing may be shown yet.
      return known?.generation === generation ? known : surveyMember(state, member, UNSEEN, mail(plan.name));
    }),
  };
}
