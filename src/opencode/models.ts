import type { ModelProfile } from "../core/model-choice.ts";
import { sendOk, type Transport } from "./client.ts";
import { fields, list, text } from "./decode.ts";

/** The models of a directory's providers: exactly those that the host finds when a prompt names one. */
export async function readModels(
  transport: Transport,
  directory: string,
  deadlineMs: number,
): Promise<readonly ModelProfile[]> {
  const path = "/config/providers";
  const answer = await sendOk(transport, { method: "GET", path, directory, deadlineMs });
  return list(fields(answer.body)["providers"])
    .map(fields)
    .flatMap((provider) => {
      const providerId = text(provider["id"]);
      if (providerId === undefined) return [];
      return Object.entries(fields(provider["models"])).map(([modelId, model]) => ({
        providerId,
        modelId,
        variants: Object.keys(fields(fields(model)["variants"])),
      }));
    });
}
