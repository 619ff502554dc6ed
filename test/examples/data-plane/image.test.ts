import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { composeDataPlane } from './compose.ts';
import { ecsDataPlane } from './ecs.ts';
import { helmDataPlane } from './helm.ts';
import { kubernetesDataPlane } from './kubernetes.ts';

const folder = 'examples/data-plane/image';
const bundle = 'dist/lifeboat.cjs';

/** What stands behind a Dockerfile's instruction; no container engine is asked. */
async function instruction(name: string): Promise<string> {
  const dockerfile = await readFile(`${folder}/Dockerfile`, 'utf8');
  return new RegExp(`^${name} (.+)$`, 'm').exec(dockerfile)?.[1] ?? '';
}

describe('the image', () => {
  it('holds the bundle of npm run build, where it starts it as standby', async () => {
    const [, source, destination] = (await instruction('COPY')).split(' ');
    const build = await readFile('build/build.ts', 'utf8');

    expect(source).toBe(bundle);
    expect(build).toContain(`'${bundle}'`);
    expect(JSON.parse(await instruction('ENTRYPOINT'))).toEqual(['node', destination, 'standby']);
  });

  it('leaves everything else of the project, secrets too, out of what is sent to the builder', async () => {
    const lines = (await readFile(`${folder}/Dockerfile.dockerignore`, 'utf8')).trim().split('\n');

    expect(lines).toEqual(['*', `!${bundle}`]);
  });

  it.each([
    ['compose', composeDataPlane],
    ['kubernetes', kubernetesDataPlane],
    ['helm', helmDataPlane],
    ['ecs', ecsDataPlane],
  ])('runs as the user of %s, under the name that is used there', async (_name, dataPlane) => {
    const { standby } = await dataPlane();

    expect(await instruction('USER')).toBe(`${standby.uid}:${standby.uid}`);
    expect(standby.image).toMatch(/(^|\/)lifeboat-standby:0\.1\.0$/);
  });
});
