/** What `lifeboat doctor` makes of what it was told; that it asks is in test/local/stack.test.ts. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import type { AwsAccess } from '../../cli/aws-access.ts';
import { judgeAlarms } from '../../cli/doctor/alarms.ts';
import { checkCaller } from '../../cli/doctor/caller.ts';
import { checkEndpoint } from '../../cli/doctor/endpoint.ts';
import { judgeCertificate, judgeFiles } from '../../cli/doctor/files.ts';
import { formatFindings } from '../../cli/doctor/finding.ts';
import { checkKong } from '../../cli/doctor/kong.ts';
import type { ExaminedAlarm } from '../../cli/inspection/alarms.ts';
import type { StatusAnswer } from '../../cli/inspection/answers.ts';
import { findConcerns } from '../../cli/inspection/status-report.ts';
import type { AdminApi } from '../../cli/kong-admin/admin-api.ts';
import { plain } from '../../cli/terminal.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { withVariables } from './with-variables.ts';

/** What the server answers next. */
let answer: { status?: number; date?: string; body: string };
let asked: string | undefined;
let server: Server;
let url: URL;
const network = { findProxy: () => undefined };

beforeAll(async () => {
  server = createServer((request, response) => {
    asked = request.url;
    response.sendDate = false;
    const { status = 200, date, body } = answer;
    response.writeHead(status, date === undefined ? {} : { date }).end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('the clock', () => {
  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();

  it.each<readonly [string, number, string, RegExp]>([
    ['right', 20, 'good', /within a minute/],
    ['two minutes behind', 120, 'attention', /1(19|20|21) s behind/],
    ['two minutes ahead', -120, 'attention', /1(19|20|21|22) s ahead of/],
    ['six minutes behind', 360, 'bad', /AWS takes 300 s at most/],
  ])('is %s', async (_what, seconds, outcome, words) => {
    answer = { status: 404, date: inSeconds(seconds), body: '{"message":"Not Found"}' };

    const [clock, endpoint] = await checkEndpoint(url, 'eu-central-1', network);

    expect(clock).toMatchObject({ check: 'clock', outcome, what: expect.stringMatching(words) });
    expect(endpoint).toMatchObject({ outcome: 'good', what: `${url.origin}, region eu-central-1` });
  });

  it('is unknown where nobody says what time it is', async () => {
    answer = { body: '{}' };

    expect((await checkEndpoint(url, 'eu-central-1', network))[0].outcome).toBe('unknown');
  });
});

describe('the endpoint', () => {
  it.each([
    [{ status: 200, body: '<html>Welcome</html>' }, 'neither AWS nor Lifeboat'],
    [{ status: 503, body: '{"message":"Service Unavailable"}' }, 'answered 503'],
  ])('is bad that answers %j', async (given, words) => {
    answer = given;

    const [, endpoint] = await checkEndpoint(url, 'eu-central-1', network);

    expect(endpoint).toMatchObject({ outcome: 'bad', what: expect.stringContaining(words) });
    expect(endpoint.next).toBeDefined();
  });

  it('is bad, and the clock unknown, where nobody answers', async () => {
    const findings = await checkEndpoint(new URL('http://127.0.0.1:9'), 'eu-central-1', network);

    expect(findings.map(({ outcome }) => outcome)).toEqual(['unknown', 'bad']);
    expect(findings[1].what).toContain('ECONNREFUSED');
  });
});

describe('credentials', () => {
  const credentials = { accessKeyId: 'ASIAEXAMPLE12345', secretAccessKey: 'x'.repeat(40) };
  const ask = (
    given: typeof answer,
    expiration?: Date,
    variables: Readonly<Record<string, string>> = { AWS_ENDPOINT_URL_STS: url.href },
  ) => {
    answer = given;
    const access = { network, credentials: { ...credentials, ...(expiration && { expiration }) } };
    return withVariables(variables, () =>
      checkCaller(access as unknown as AwsAccess, 'eu-central-1', 'on-call'),
    );
  };
  const arn = 'arn:aws:sts::123456789012:assumed-role/ops/ann';
  const error = (code: string) => ({
    status: 403,
    body: `<ErrorResponse><Error><Code>${code}</Code><Message>x</Message></Error></ErrorResponse>`,
  });

  it.each([
    ['XML', `<GetCallerIdentityResult><Arn>${arn}</Arn></GetCallerIdentityResult>`],
    ['JSON', JSON.stringify({ GetCallerIdentityResult: { Arn: arn } })],
  ])('are whose STS says in %s, by a profile', async (_form, body) => {
    expect(await ask({ body })).toEqual({
      check: 'credentials',
      outcome: 'good',
      what: `${arn}, profile on-call`,
    });
  });

  it('are asked for at the endpoint of all services, below its path, where STS has none of its own', async () => {
    const variables = { AWS_ENDPOINT_URL: `${url.href}emulated/` };

    expect(await ask({ body: `<Arn>${arn}</Arn>` }, undefined, variables)).toMatchObject({ outcome: 'good' });
    expect(asked).toBe('/emulated/');
  });

  it('are not known where the endpoint of STS is no URL', async () => {
    const finding = await ask({ body: '' }, undefined, { AWS_ENDPOINT_URL_STS: 'sts.example' });

    expect(finding).toMatchObject({
      outcome: 'unknown',
      what: 'AWS_ENDPOINT_URL_STS is no URL, and STS was not asked',
    });
  });

  it('that end in a quarter of an hour need attention', async () => {
    const body = `<Arn>${arn}</Arn>`;

    const soon = await ask({ body }, new Date(Date.now() + 14 * 60_000));
    const later = await ask({ body }, new Date(Date.now() + 17 * 60_000));

    expect(soon).toMatchObject({ outcome: 'attention', next: expect.stringContaining('aws sso login') });
    expect(later).toMatchObject({ outcome: 'good', what: expect.stringMatching(/for another 1\d minutes$/) });
  });

  it.each([
    ['ExpiredToken', 'bad', 'get new ones'],
    ['InvalidClientTokenId', 'bad', 'the key is unknown'],
    ['SignatureDoesNotMatch', 'bad', 'the secret access key'],
    ['Throttling', 'unknown', 'ask again'],
  ])('that STS answers with %s are %s', async (code, outcome, next) => {
    const finding = await ask(error(code));

    expect(finding).toMatchObject({ outcome, next: expect.stringContaining(next) });
    expect(finding.what).toContain(code);
    expect(JSON.stringify(finding)).not.toContain(credentials.secretAccessKey);
    expect(JSON.stringify(finding)).not.toContain(credentials.accessKeyId);
  });
});

describe('alarms', () => {
  const alarm: ExaminedAlarm = {
    name: 'Lifeboat prod: Export failing',
    controlPlane: 'prod',
    heading: 'Export failing',
    since: new Date('2026-01-02T03:04:05Z'),
    runbook: 'https://wiki.example.com/runbook#export-failing',
    isRinging: false,
    isHeard: true,
    isForDashboard: false,
  };
  const quiet = { ...alarm, name: 'Lifeboat prod: Quiet', heading: 'Quiet', isHeard: false };
  const outcomes = (alarms: Parameters<typeof judgeAlarms>[0]) =>
    judgeAlarms(alarms).map(({ check, outcome }) => `${check} ${outcome}`);

  it.each<readonly [string, Parameters<typeof judgeAlarms>[0], readonly string[]]>([
    ['all is well', [alarm], ['alarms good', 'notifications good', 'runbook good']],
    ['one rings', [{ ...alarm, isRinging: true }], ['alarms bad', 'notifications good', 'runbook good']],
    ['one tells nobody', [alarm, quiet], ['alarms good', 'notifications attention', 'runbook good']],
    [
      'one tells nobody by design',
      [alarm, { ...quiet, isForDashboard: true }],
      ['alarms good', 'notifications good', 'runbook good'],
    ],
    [
      'the runbook is the placeholder',
      [{ ...alarm, runbook: 'https://lifeboat.example.com/docs/runbook.md#export-failing' }],
      ['alarms good', 'notifications good', 'runbook attention'],
    ],
    ['there are none', [], ['alarms bad']],
    ['nobody knows', { unknown: 'denied' }, ['alarms unknown', 'notifications unknown', 'runbook unknown']],
  ])('are told of when %s', (_what, alarms, told) => {
    expect(outcomes(alarms)).toEqual(told);
  });

  it('that ring lead to the runbook, also where its link is the placeholder', () => {
    const [linked, bare] = judgeAlarms([
      { ...alarm, isRinging: true },
      { ...alarm, isRinging: true, runbook: 'https://lifeboat.example.com/docs/runbook.md#export-failing' },
    ]);

    expect(linked).toMatchObject({
      what: 'Export failing (prod) rings, since 2026-01-02T03:04:05.000Z',
      next: alarm.runbook,
    });
    expect(bare?.next).toBe('docs/runbook.md, "Export failing"');
  });
});

describe('the status of a control plane', () => {
  const now = new Date('2026-01-02T00:00:00Z');
  const ahead = (days: number) => new Date(now.getTime() + days * 86_400_000);
  const version = {
    kongVersion: '3.9.1',
    state: 'ready',
    current: {
      ...{ revision: 7, builtAt: ahead(-1), exportedAt: ahead(-1), entities: {}, sizeBytes: 1 },
      ...{ sha256: '', pinned: false },
    },
  };
  const judge = (changed: object) => {
    const base = { controlPlane: 'prod', lookedAt: now, checkedAt: now, certificateEndsAt: ahead(90) };
    const read = { ...base, versions: [version], ...changed } as StatusAnswer;
    const report = { controlPlane: 'prod', answer: { json: {}, read }, failure: undefined };
    const told = { ...report, concerns: findConcerns(read, 60_000) };
    return [...judgeFiles(told), judgeCertificate(told)];
  };

  it.each<readonly [string, object, readonly string[], RegExp]>([
    ['is well', {}, ['good', 'good'], /can boot \(Kong 3\.9\.1 revision 7\)/],
    [
      'is pinned',
      { versions: [{ ...version, current: { ...version.current, pinned: true } }] },
      ['attention', 'good'],
      /pinned to revision 7/,
    ],
    ['has no file', { versions: [{ ...version, state: 'missing' }] }, ['bad', 'good'], /missing/],
    ['is behind', { versions: [{ ...version, behindSince: now }] }, ['attention', 'good'], /older than/],
    ['is held', { held: { since: now, reason: 'half' } }, ['attention', 'good'], /held: half/],
    ['was not checked lately', { checkedAt: ahead(-1) }, ['attention', 'good'], /last compared/],
    ['has a certificate that ends', { certificateEndsAt: ahead(29) }, ['good', 'attention'], /can boot/],
    ['has one that ended', { certificateEndsAt: ahead(-1) }, ['good', 'bad'], /can boot/],
    ['has one of which nobody knows', { certificateEndsAt: undefined }, ['good', 'unknown'], /can boot/],
  ])('%s', (_what, changed, outcomes, words) => {
    const findings = judge(changed);

    expect(findings.map(({ outcome }) => outcome)).toEqual(outcomes);
    expect(findings[0]?.what).toMatch(words);
    for (const { outcome, next } of findings) {
      expect(next === undefined).toBe(outcome === 'good');
    }
  });
});

describe('a control plane', () => {
  const now = new Date('2026-01-02T00:00:00Z');
  const seen = now.getTime() / 1000 - 60;
  const node = (available: readonly string[], wasm: object = {}) => ({
    plugins: {
      available_on_server: Object.fromEntries(available.map((name) => [name, { version: '1' }])),
      enabled_in_cluster: {},
    },
    configuration: wasm,
  });
  const list = (...data: object[]) => ({ data, next: null });
  const usual = {
    '/': node(['acl', 'ours']),
    '/plugins': list(),
    '/clustering/data-planes': list({ hostname: 'dp', version: '3.9.1', last_seen: seen }),
  };
  const named = { customPlugins: ['ours'], wasmFilters: ['guard'] };
  const examine = async (
    changed: Readonly<Record<string, unknown>>,
    { settings, versions }: { settings?: typeof named; versions?: readonly string[] } = {
      settings: named,
      versions: ['3.9.1'],
    },
  ) => {
    const answers: Readonly<Record<string, unknown>> = { ...usual, ...changed };
    const admin: AdminApi = {
      url,
      async ask(schema, { path, query }) {
        const key = query?.['offset'] === undefined ? path : `${path} ${query['offset']}`;
        return answers[key] === undefined ? undefined : v.parse(schema, answers[key]);
      },
    };
    const findings = await checkKong(admin, settings, versions, now);
    return Object.fromEntries(findings.map((finding) => [finding.check, finding]));
  };
  const wasm = { wasm: true, wasm_modules_parsed: [{ name: 'guard' }] };

  it('has what the settings name, and runs what there are files for', async () => {
    const findings = await examine({ '/': node(['acl', 'ours', 'guard'], wasm) });

    expect(Object.values(findings).map(({ outcome }) => outcome)).toEqual(['good', 'good', 'good']);
    expect(findings['versions']?.what).toContain('3.9.1');
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>, string, string, RegExp]>([
    ['has a plugin more', { '/': node(['ours', 'more']) }, 'plugins', 'attention', /has more, and/],
    [
      'has it configured',
      { '/': node(['ours', 'more']), '/plugins': list({ name: 'more' }) },
      'plugins',
      'bad',
      /^more: configured/,
    ],
    [
      'has it configured on the second page',
      { '/plugins': { data: [], offset: 'two' }, '/plugins two': list({ name: 'more' }) },
      'plugins',
      'bad',
      /^more: configured/,
    ],
    [
      'has a filter more',
      { '/': node([], { wasm: 'on', wasm_modules_parsed: [{ name: 'guard' }, { name: 'other' }] }) },
      'wasm-filters',
      'bad',
      /lack other\./,
    ],
    ['does not list its filters', { '/': node([], { wasm: true }) }, 'wasm-filters', 'unknown', /wasm is on/],
    [
      'runs another version',
      { '/clustering/data-planes': list({ version: '3.8.1', last_seen: seen }) },
      'versions',
      'bad',
      /3\.8\.1, for which there is no file/,
    ],
    [
      'runs a newer patch',
      { '/clustering/data-planes': list({ version: '3.9.2-enterprise-edition', last_seen: seen }) },
      'versions',
      'attention',
      /3\.9\.2, and boot with/,
    ],
    [
      'was left by another version, and by Lifeboat itself',
      {
        '/clustering/data-planes': list(
          { version: '3.8.1', last_seen: seen - 86_400 },
          { hostname: 'lifeboat-listener', version: '3.4.0', last_seen: seen },
        ),
      },
      'versions',
      'good',
      /no data plane was seen/,
    ],
    ['is none', { '/clustering/data-planes': undefined }, 'versions', 'unknown', /has no \/clustering/],
  ])('%s', async (_what, changed, check, outcome, words) => {
    const finding = (await examine(changed))[check];

    expect(finding).toMatchObject({ outcome, what: expect.stringMatching(words) });
    expect(finding?.next === undefined).toBe(outcome === 'good');
  });

  it('is unknown as far as settings and status are', async () => {
    const findings = await examine({ '/': node(['ours'], wasm) }, {});

    expect(Object.values(findings).map(({ outcome }) => outcome)).toEqual(['unknown', 'unknown', 'unknown']);
  });

  it('that refuses is unknown in each regard', async () => {
    const admin: AdminApi = {
      url,
      async ask() {
        throw new ApiError('denied', 'It demands a token');
      },
    };

    const findings = await checkKong(admin, named, ['3.9.1'], now);

    expect(findings.map(({ check, outcome, what }) => `${check} ${outcome}: ${what}`)).toEqual([
      'plugins unknown: It demands a token',
      'wasm-filters unknown: It demands a token',
      'versions unknown: It demands a token',
    ]);
  });
});

describe('findings', () => {
  const findings = [
    { check: 'clock', outcome: 'good', what: 'right' },
    { check: 'endpoint', outcome: 'bad', what: 'gone', next: 'look' },
  ] as const;

  it('have words where there is no colour, and marks where there is', () => {
    expect(formatFindings(findings, [{ checks: ['alarms'], next: 'With --stack they are' }], plain, 80)).toBe(
      'good      clock     right\nbad       endpoint  gone\n    next: look\n' +
        'Not checked: alarms. With --stack they are.\n1 of 2 findings need attention.\n',
    );
    expect(formatFindings(findings, [], (text, tone) => `<${tone}>${text}`, 80)).toContain('<bad>✗ endpoint');
  });
});
