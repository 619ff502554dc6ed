/** Which control plane is in which stack, when an app has more than fit into one. */
import * as v from 'valibot';
import { controlPlaneName } from '../../core/names.ts';
import { domainSchema, givenSettingsSchema } from './deployment-settings.ts';
import { bucketNameSchema, namesSchema, sectionSchema, textSchema } from './setting-values.ts';

/** Name of the only stack, where the settings name none, and of the first one that is proposed. */
export const onlyStackName = 'Lifeboat';

/**
 * So many fit into a stack whatever else is set (test/lib/deployment/stack-budget.test.ts compares it with
 * what is measured).
 */
export const mostInAnyStack = 7;

const { entries } = givenSettingsSchema;

/** What belongs to one vault or one API, so that no two stacks can have it. */
const ownEntries = {
  bucketName: entries.bucketName,
  vaultMadeWith: v.optional(entries.vaultMadeWith.wrapped),
  encryptionKeyArn: entries.encryptionKeyArn,
  previousEncryptionKeyArns: v.optional(entries.previousEncryptionKeyArns.wrapped),
  signingKeyArns: v.optional(entries.signingKeyArns.wrapped),
  domain: entries.domain,
};

export const stacksSchema = v.record(
  textSchema(
    /^[a-zA-Z][a-zA-Z0-9-]{0,127}$/,
    'the name of a CloudFormation stack is expected: a letter, then letters, digits and "-"',
  ),
  sectionSchema({
    controlPlanes: v.pipe(
      namesSchema(controlPlaneName, 'names of control planes', 'a control plane is listed twice'),
      v.minLength(1, 'name at least one control plane, or remove the stack'),
    ),
    ...ownEntries,
    /** What its second region has alone. */
    replica: v.optional(
      sectionSchema({ bucketName: v.optional(bucketNameSchema), domain: v.optional(domainSchema) }),
    ),
  }),
  'an object is expected, with a section for each stack by its name, for example {"Lifeboat": {"controlPlanes": ["prod"]}}',
);

type Stacks = v.InferOutput<typeof stacksSchema>;

interface Grouped {
  readonly stacks: Stacks;
  readonly controlPlanes: Readonly<Record<string, { readonly vpc?: Network | undefined }>>;
  readonly replica?: Readonly<Record<string, unknown>> | undefined;
}
interface Network {
  readonly vpcId: string;
  readonly endpoints?: unknown;
}

/** A sentence for each mistake, with the setting that it is about. */
export function findGroupingMistakes(given: Grouped): readonly string[] {
  const { stacks, controlPlanes } = given;
  const names = Object.keys(controlPlanes);
  const places = Object.entries(stacks).flatMap(([stack, section]) =>
    section.controlPlanes.map((name) => ({ stack, name })),
  );
  const unlisted = names.filter((name) => places.every((place) => place.name !== name));
  return [
    ...places.flatMap(({ stack, name }) =>
      names.includes(name)
        ? []
        : [`- stacks.${stack}: there is no control plane "${name}" in controlPlanes: remove it here`],
    ),
    ...names.flatMap((name) => {
      const [first, second] = places.filter((place) => place.name === name);
      return first === undefined || second === undefined || first.stack === second.stack
        ? []
        : [
            `- stacks.${second.stack}: control plane "${name}" is in ${first.stack} already: keep it in the stack that it is deployed in, where its vault is`,
          ];
    }),
    ...(unlisted.length === 0
      ? []
      : [
          `- stacks: ${unlisted.map((name) => `"${name}"`).join(', ')} ${unlisted.length === 1 ? 'is' : 'are'} in no stack. ${describeProposal(stacks, names)}`,
        ]),
    ...findShared(given),
    ...findReplicaNames(given),
    ...findDividedNetworks(controlPlanes, places),
  ];
}

/** What only one stack can have must stand in its section once there are several. */
function findShared(given: Grouped): readonly string[] {
  if (Object.keys(given.stacks).length === 1) {
    return [];
  }
  const shared = Object.keys(ownEntries).filter(
    (name) => !isEmpty((given as unknown as Readonly<Record<string, unknown>>)[name]),
  );
  const ofReplica = ['bucketName', 'domain'].filter((name) => given.replica?.[name] !== undefined);
  return [...shared, ...ofReplica.map((name) => `replica.${name}`)].map(
    (path) =>
      `- ${path}: it can belong to one stack alone: put it into the section of that stack (stacks.<name>.${path})`,
  );
}

const isEmpty = (value: unknown) =>
  value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

function findReplicaNames({ stacks, replica }: Grouped): readonly string[] {
  return Object.keys(stacks).flatMap((name) =>
    replica !== undefined && nameReplicaStack(name) in stacks
      ? [`- stacks.${nameReplicaStack(name)}: the second region of ${name} has this name: choose another one`]
      : [],
  );
}

export function nameReplicaStack(name: string): string {
  return `${name}Replica`;
}

/** The endpoints of a network are open to the exports of one stack, and a network has them once. */
function findDividedNetworks(
  controlPlanes: Grouped['controlPlanes'],
  places: readonly { readonly stack: string; readonly name: string }[],
): readonly string[] {
  const vpcOf = (name: string) => controlPlanes[name]?.vpc;
  return places.flatMap(({ stack, name }) => {
    const vpc = vpcOf(name);
    const elsewhere = places.find(
      (place) => place.stack !== stack && vpcOf(place.name)?.vpcId === vpc?.vpcId,
    );
    return vpc?.endpoints === undefined || elsewhere === undefined
      ? []
      : [
          `- stacks.${elsewhere.stack}: "${elsewhere.name}" is in the network ${vpc.vpcId}, whose endpoints ${stack} makes for its own control planes alone: put both into one stack, or make the endpoints yourself`,
        ];
  });
}

/**
 * Says how to write down which stack has which control plane: nothing that is listed moves, for its vault
 * would not move with it.
 *
 * @param stacks what is written down already, in order
 * @param names all control planes
 */
export function describeProposal(stacks: Stacks, names: readonly string[]): string {
  const groups = new Map(
    Object.entries(stacks).map(([name, { controlPlanes }]) => [name, [...controlPlanes]]),
  );
  const listed = new Set([...groups.values()].flat());
  for (const name of names.filter((each) => !listed.has(each))) {
    const [, open] = [...groups].find(([, group]) => group.length < mostInAnyStack) ?? [];
    if (open === undefined) {
      groups.set(chooseName(groups), [name]);
    } else {
      open.push(name);
    }
  }
  const proposal = Object.fromEntries(
    [...groups].map(([name, group]) => [name, { ...stacks[name], controlPlanes: group }]),
  );
  return (
    'A control plane stays in the stack that it is deployed in (`lifeboat status --all-stacks` says which): in another one it would begin ' +
    `with an empty vault. New ones may go where there is room, for example "stacks": ${JSON.stringify(proposal)}`
  );
}

function chooseName(groups: ReadonlyMap<string, unknown>): string {
  const names = [
    onlyStackName,
    ...Array.from({ length: groups.size + 1 }, (_, i) => `${onlyStackName}${i + 2}`),
  ];
  return names.find((name) => !groups.has(name)) ?? onlyStackName;
}
