import fc from 'fast-check';
import { grants } from '../../../core/access/grant.ts';
import { s3Presigner } from '../../../core/access/presigned-url.ts';
import { systemClock } from '../../../core/clock.ts';
import { commandNames, parseCommand } from '../../../core/export/operator-command.ts';
import { parseQuery, viewNames, writeCursor } from '../../../core/inspect/inspection-query.ts';
import { changed, changedText, hostileJson, hostileText, type Outcome, target } from '../target.ts';

const versions = ['3.9.1', '3.9.0', '3.4.3.5'];
const versionText = fc.oneof(
  fc.constantFrom(...versions, '3.9.9', '2.0.0', undefined),
  changedText('3.9.1'),
  hostileText,
);
const plain = /^(?:0|[1-9][0-9]{0,3})(?:[.](?:0|[1-9][0-9]{0,3})){2,3}$/;
const isId = (text: unknown) => typeof text === 'string' && /^[A-Za-z0-9_.~-]{1,1024}$/.test(text);

/** Of a file, the newest first. */
const newest = '3sL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY';
const history = [newest, 'b', 'c', 'd', 'e', 'f'];

const grant = grants({
  controlPlane: 'prod',
  dataPlaneVersions: versions,
  lifetimeSeconds: 120,
  clock: systemClock,
  findVersion: async (_name, versionId = newest) => {
    const place = history.indexOf(versionId);
    return place === -1 ? undefined : { versionId, previousVersionId: history[place + 1] };
  },
  presign: s3Presigner({
    ...{ bucket: 'vault', region: 'eu-central-1', urlSuffix: 'amazonaws.com' },
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  }),
});

/** Questions for a grant: a URL leads to a recent file of this control plane, and to nothing else. */
export const grantTarget = target(
  'grants',
  fc.record({
    kongVersion: fc.oneof(versionText, hostileJson),
    versionId: fc.option(fc.oneof(fc.constantFrom(...history).chain(changedText), hostileText, hostileJson), {
      nil: undefined,
    }),
  }),
  async (asked): Promise<Outcome> => {
    const answer = await grant(asked);
    if (!('url' in answer)) {
      return 'refused';
    }
    const { hostname, pathname, searchParams } = new URL(answer.url);
    const isOurs =
      plain.test(String(asked.kongVersion)) &&
      (asked.versionId === undefined || history.slice(0, 4).some((id) => id === asked.versionId)) &&
      hostname === 'vault.s3.eu-central-1.amazonaws.com' &&
      versions.some((version) => pathname === `/prod/${version}/config.json`) &&
      (searchParams.get('versionId') ?? undefined) === asked.versionId;
    return isOurs ? 'good' : 'accepted';
  },
);

const commandBodies = {
  export: { reason: 'a reason', id: 'an-id' },
  rollback: { reason: 'a reason', version: '3.9.1', revision: 1, sees: 2 },
  unpin: { reason: 'a reason', version: '3.9.1', sees: 2 },
  approve: { reason: 'a reason', sees: '0123456789ab' },
};
const isNumber = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1;
const isReason = (value: unknown) =>
  typeof value === 'string' && value.trim() !== '' && value.length <= 1_000 && !/[\p{Cc}\u2028]/u.test(value);

/** What a field of a command may hold, written down apart from the code. */
const fieldRules: Readonly<Record<string, (value: unknown, command: string) => boolean>> = {
  reason: isReason,
  id: (value) => typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value),
  version: (value) => typeof value === 'string' && plain.test(value),
  revision: isNumber,
  sees: (value, command) => (command === 'approve' ? /^[0-9a-f]{12}$/.test(String(value)) : isNumber(value)),
};

/** Bodies of operators' commands. */
export const commandTarget = target(
  'commands',
  fc.constantFrom(...commandNames).chain((name) =>
    fc.record({
      name: fc.constant(name),
      body: fc.oneof(
        changed(Buffer.from(JSON.stringify(commandBodies[name]))),
        fc
          .record({
            field: fc.constantFrom(...Object.keys(fieldRules)),
            value: fc.oneof(hostileText, hostileJson),
          })
          .map(({ field, value }) => Buffer.from(JSON.stringify({ ...commandBodies[name], [field]: value }))),
        hostileJson.map((value) => Buffer.from(JSON.stringify(value))),
      ),
    }),
  ),
  ({ name, body }): Outcome => {
    const parsed = parseCommand(name, body);
    if ('status' in parsed) {
      return 'refused';
    }
    const { name: _, ...fields } = parsed;
    const isGood = Object.entries(fields).every(
      ([field, value]) => value === undefined || fieldRules[field]?.(value, name) === true,
    );
    return isGood ? 'good' : 'accepted';
  },
);

const cursor = writeCursor({ ids: ['a', 'b'], at: 3 });
const queryFields = ['view', 'version', 'revision', 'from', 'to', 'limit', 'after', 'page', 'entities'];
const isPage = (page: unknown) => {
  const { ids, at } = page as { readonly ids?: unknown; readonly at?: unknown };
  return Array.isArray(ids) && ids.every(isId) && Number.isSafeInteger(at) && (at as number) >= 0;
};
const queryRules: Readonly<Record<string, (value: unknown) => boolean>> = {
  view: (value) => (viewNames as readonly unknown[]).includes(value),
  version: (value) => plain.test(String(value)),
  revision: isNumber,
  from: isNumber,
  to: isNumber,
  limit: (value) => isNumber(value) && (value as number) <= 100,
  after: isId,
  page: isPage,
  entities: (value) => value === 'none',
};

const goodQueries = [
  { view: 'revisions', version: '3.9.1', limit: '30', after: 'a' },
  { view: 'revision', version: '3.9.1', revision: '7', page: cursor },
  { view: 'verification', revision: '7' },
  { view: 'diff', version: '3.9.1', from: '7', to: '8', page: cursor },
];
const nearlyNumber = fc.constantFrom(
  '0',
  '00',
  '-1',
  '+1',
  '1.5',
  '1e3',
  ' 1',
  '1 ',
  '9'.repeat(20),
  '१',
  '101',
);
/** A good query but for one field. */
const changedQuery = fc.constantFrom(...goodQueries).chain((query) =>
  fc
    .record({
      field: fc.constantFrom(...Object.keys(query)),
      value: fc.oneof(nearlyNumber, changedText(cursor), changedText('3.9.1'), hostileText),
    })
    .map(({ field, value }): Record<string, string> => ({ ...query, [field]: value })),
);

/** Queries of the inspect route. */
export const queryTarget = target(
  'queries',
  fc.oneof(
    changedQuery,
    fc.dictionary(
      fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...queryFields) },
        { weight: 1, arbitrary: hostileText },
      ),
      fc.oneof(
        fc.constantFrom(...viewNames, '1', '2', '30', '00', '3.9.1', 'none', cursor),
        changedText(cursor),
        hostileText,
      ),
      { maxKeys: 4 },
    ),
  ),
  (parameters): Outcome => {
    const query = parseQuery(parameters);
    if ('status' in query) {
      return 'refused';
    }
    const isGood = Object.entries(query).every(
      ([field, value]) => value === undefined || queryRules[field]?.(value) === true,
    );
    return isGood ? 'good' : 'accepted';
  },
);
