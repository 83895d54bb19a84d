import { openStorage } from "../../src/storage/open.ts";
import { readProcesses } from "../../src/system/process-identity.ts";
import { STORY } from "./crash-story.ts";

/** Acts the whole story in a folder and kills itself at a step: `bun crash-child.ts FOLDER STEP`. */
const [, , baseDir = "", fatal = ""] = process.argv;

const storage = openStorage({
  baseDir,
  liveness: await readProcesses(),
  step(step) {
    if (step === fatal) process.kill(process.pid, "SIGKILL");
  },
});
for (const chapter of STORY) await chapter.act(storage);
