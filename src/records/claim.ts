import { z } from "zod";
import { parseTimeless } from "./record.ts";
import { instant, type Reading, recordOf } from "./shape.ts";

/** Who has something to itself: the content of a lock file and of `owner.json`. */
export interface Claim {
  readonly version: number;
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
  /** One for each time something was taken: names this claim among all others for ever. */
  readonly token: string;
  readonly takenAt: number;
  /** When its holder will have been heard of again at the latest, where the holder renews it. */
  readonly leaseEndsAt?: number;
}

const claimSchema: z.ZodType<Claim> = recordOf<Claim>({
  version: z.number(),
  pid: z.int().min(1),
  startTime: z.string(),
  bootId: z.string(),
  token: z.string().regex(/^[a-z0-9]{1,64}$/),
  takenAt: instant,
  leaseEndsAt: instant.exactOptional(),
});

/** Of any version: a newer program that runs beside this one must not lose its lock to it. */
export function parseClaim(text: string): Reading<Claim> {
  return parseTimeless(claimSchema, text);
}
