/**
 * A validator of SPDX documents: the SPDX project's own Go library, as Debian 13
 * has it (`golang-github-spdx-tools-golang-dev`), in an image made for it. Making
 * that takes a minute.
 *
 * @module
 */

import { provideBase } from "../lib/base_image.ts";
import { Engine } from "../lib/engine.ts";
import { type Laboratory, must, type Outcome, run } from "./engine_fixture.ts";

const DOCKERFILE = `ARG BASE_IMAGE
FROM \${BASE_IMAGE}
RUN apt-get update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
      golang-go golang-github-spdx-tools-golang-dev
COPY spdx_validator.go /usr/src/
RUN GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=/tmp/go \\
      go build -o /usr/bin/spdx-validator /usr/src/spdx_validator.go
ENTRYPOINT ["/usr/bin/spdx-validator"]
`;

/** A validator; its image goes with the laboratory that it was made for. */
export class SpdxValidator {
  readonly #image: string;

  private constructor(image: string) {
    this.#image = image;
  }

  /** Makes the validator. */
  static async make(laboratory: Laboratory): Promise<SpdxValidator> {
    const base = await provideBase(new Engine("docker"), {
      reference: "debian:13-slim",
      policy: "auto",
      bootstrap: { suite: "trixie" },
      bootstrapped: "krunner-base:debian13",
    }, { onNotice: () => {}, log: `${laboratory.root}/debian13.log` });
    const context = await Deno.makeTempDir({ dir: laboratory.root });
    await Deno.writeTextFile(`${context}/Dockerfile`, DOCKERFILE);
    await Deno.copyFile(
      new URL("spdx_validator.go", import.meta.url),
      `${context}/spdx_validator.go`,
    );
    const image = `krunner-test-${laboratory.id}-spdx`;
    await must([
      "docker",
      "build",
      "--quiet",
      "--label",
      laboratory.label,
      "--build-arg",
      `BASE_IMAGE=${base.reference}`,
      "--tag",
      image,
      context,
    ], { env: { DOCKER_BUILDKIT: "0" } });
    return new SpdxValidator(image);
  }

  /** Validates a file; stderr says what is wrong with it. */
  async validate(path: string): Promise<Outcome> {
    return await run([
      "docker",
      "run",
      "--rm",
      "--network=none",
      "--volume",
      `${path}:/document.json:ro`,
      this.#image,
      "/document.json",
    ]);
  }
}
