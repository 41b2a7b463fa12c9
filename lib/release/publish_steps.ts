/**
 * The steps of a release that publish its files: upload, read back.
 *
 * @module
 */

import { findCredentials } from "./credentials.ts";
import type { ReleaseRun } from "./run.ts";
import { uploadCommand, uploadFile } from "./twine.ts";
import {
  readBack as readAllBack,
  uploadAll,
  type UploadHost,
} from "./upload.ts";

function uploadHost(run: ReleaseRun): UploadHost {
  const { release, options, host } = run;
  return {
    index: run.openIndex(),
    project: release.settings.project,
    wait: options.wait,
    signal: host.signal,
    now: host.now,
    say: (line) => run.say(line),
  };
}

/** Uploads all files that are not on the index yet. */
export async function upload(run: ReleaseRun): Promise<void> {
  const { destination } = run.release;
  if (destination === undefined) return run.say("upload: skipped");
  const { env, ask, signal } = run.host;
  const place = await findCredentials(destination, env, ask !== undefined);
  const asks = place === "terminal";
  await uploadAll(await run.files(), {
    ...uploadHost(run),
    known: run.state.uploads,
    upload: (path) => {
      const { options } = destination;
      return uploadFile(
        uploadCommand(run.twine, options, path, asks),
        asks,
        signal,
      );
    },
    record: (file, state) =>
      run.update({ uploads: { ...run.state.uploads, [file]: state } }),
  });
}

/** Sees that the index gives out what was uploaded. */
export async function readBack(run: ReleaseRun): Promise<void> {
  if (run.release.destination === undefined) {
    return run.say("read back: skipped");
  }
  await readAllBack(run.state.files, uploadHost(run));
}
