/**
 * What a package says of itself where its project has no description.
 *
 * @module
 */

import type { VolumeFacts } from "./file_set.ts";
import type { PackageNames } from "./names.ts";
import type { Description } from "./project.ts";

/** One line for the index's lists. */
export function defaultSummary(family: string): string {
  return `Kernel-runner volumes of Backend.AI for ${family}`;
}

/** A page for the index, as Markdown. */
export function defaultDescription(
  { project }: PackageNames,
  volumes: readonly VolumeFacts[],
): Description {
  const rows = volumes.map(({ distroVersion, version, python }) =>
    `| ${distroVersion} | ${version} | ${python} |\n`
  );
  return {
    contentType: "text/markdown",
    text: `# ${project}

Kernel-runner volumes of [Backend.AI](https://github.com/lablup/backend.ai). Its
agent fills docker volumes from the archives in this package and mounts them at
\`/opt/backend.ai\` in user containers.

| distro version | volume version | Python |
|---|---|---|
${rows.join("")}
Install it beside the agent. A wheel has the archives for containers of one
processor architecture, and runs on every system that an agent runs on. The source
distribution has no archives: pip can build nothing from it.

The licences of what the volumes hold are listed in the SPDX documents below
\`.dist-info/sboms\`; their texts are in the volumes.
`,
  };
}
