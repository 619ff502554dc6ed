import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import type { Container, DataPlane } from './data-plane.ts';

const definition = v.object({
  name: v.string(),
  image: v.string(),
  user: v.string(),
  essential: v.boolean(),
  command: v.optional(v.array(v.string()), []),
  environment: v.optional(v.array(v.object({ name: v.string(), value: v.string() })), []),
  secrets: v.optional(v.array(v.object({ name: v.string() })), []),
  mountPoints: v.array(
    v.object({ containerPath: v.string(), sourceVolume: v.string(), readOnly: v.boolean() }),
  ),
  readonlyRootFilesystem: v.boolean(),
  restartPolicy: v.optional(v.object({ ignoredExitCodes: v.array(v.number()) })),
});
const task = v.object({
  pidMode: v.optional(v.string()),
  networkMode: v.string(),
  containerDefinitions: v.array(definition),
});

/** As the stack has it: another test compares the two. */
export async function ecsDataPlane(): Promise<DataPlane> {
  const text = await readFile('examples/data-plane/ecs/task-definition.json', 'utf8');
  const { pidMode, networkMode, containerDefinitions } = v.parse(task, JSON.parse(text));
  const byName = (name: string) =>
    v.parse(
      definition,
      containerDefinitions.find((each) => each.name === name),
    );
  const standby = byName('standby');
  return {
    kong: container(byName('kong')),
    standby: container(standby),
    sharesProcesses: pidMode === 'task',
    sharesNetwork: networkMode === 'awsvpc',
    mayEnd: !standby.essential && standby.restartPolicy?.ignoredExitCodes.includes(0) === true,
  };
}

function container(given: v.InferOutput<typeof definition>): Container {
  return {
    image: given.image,
    uid: Number(given.user.split(':')[0]),
    environment: Object.fromEntries(given.environment.map(({ name, value }) => [name, value])),
    secretVariables: given.secrets.map(({ name }) => name),
    mounts: given.mountPoints.map(({ containerPath: path, sourceVolume: volume, readOnly: isReadOnly }) => ({
      path,
      volume,
      isReadOnly,
    })),
    parameters: given.command,
    hasReadOnlyRoot: given.readonlyRootFilesystem,
  };
}
