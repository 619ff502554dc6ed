/** A fault for each target that is built into the shipped code, to see whether its cases find it. */
export interface SeededBug {
  readonly target: string;
  readonly what: string;
  /** A text of a file that is replaced while the file is loaded; the file itself stays. */
  readonly edit: { readonly file: string; readonly find: string; readonly replace: string };
}

export const seededBugs: readonly SeededBug[] = [
  {
    target: 'hooks',
    what: 'only the length of a signature is compared',
    edit: {
      file: 'core/kong/event-hook.ts',
      find: 'given.length === expected.length && timingSafeEqual(given, expected)',
      replace: 'given.length === expected.length',
    },
  },
  {
    target: 'frames',
    what: 'a frame need not be UTF-8',
    edit: {
      file: 'core/kong/frame-scanner.ts',
      find: '!this.#utf8.take(chunk)',
      replace: 'false',
    },
  },
  {
    target: 'manifests',
    what: 'whoever names a key of ours has signed with it',
    edit: {
      file: 'core/vault/signed-document.ts',
      find: "await compactVerify(jws, key.key, { algorithms: ['ES256'] })",
      replace:
        '{ payload: Buffer.from(jws.split(".")[1] ?? "", "base64url"), protectedHeader: decodeProtectedHeader(jws) } as never',
    },
  },
  {
    target: 'statuses',
    what: 'the status of another control plane is taken',
    edit: {
      file: 'core/vault/status.ts',
      find: 'status.controlPlane !== controlPlane',
      replace: 'false',
    },
  },
  {
    target: 'assertions',
    what: 'an assertion for another control plane is taken',
    edit: {
      file: 'core/access/verify-assertion.ts',
      find: 'claims.aud !== grantPath(parts.controlPlane)',
      replace: 'false',
    },
  },
  {
    target: 'chains',
    what: 'an authority for web servers may make data planes',
    edit: {
      file: 'core/access/cluster-trust.ts',
      find: 'if (!fields.mayBeClient) {',
      replace: 'if (false) {',
    },
  },
  {
    target: 'grants',
    what: 'a version id may be as old as there are any',
    edit: { file: 'core/access/step-back.ts', find: 'stepsBack = 3', replace: 'stepsBack = 9' },
  },
  {
    target: 'commands',
    what: 'the id of a command may be any text',
    edit: {
      file: 'core/export/operator-command.ts',
      find: '/^[\\w-]{1,64}$/',
      replace: '/^[^]*$/',
    },
  },
  {
    target: 'queries',
    what: 'the number of a revision may be zero',
    edit: {
      file: 'core/inspect/inspection-query.ts',
      find: '/^[1-9]\\d{0,14}$/',
      replace: '/^\\d{1,15}$/',
    },
  },
  {
    target: 'settings',
    what: 'a tag may have any value',
    edit: {
      file: 'lib/settings/deployment-settings.ts',
      find: 'tags: v.optional(tagsSchema, {})',
      replace: 'tags: v.optional(v.any(), {})',
    },
  },
  {
    target: 'kongEnv',
    what: 'the first line of a name counts',
    edit: { file: 'core/standby/kong-env.ts', find: '.findLast(', replace: '.find(' },
  },
];
