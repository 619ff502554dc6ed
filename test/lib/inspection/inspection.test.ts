import { describe, expect, it } from '@jest/globals';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as v from 'valibot';
import { inspectEnvironment } from '../../../lambdas/environment/inspect.ts';
import { playMs } from '../../../lambdas/inspect-drill.ts';
import { deploy, environment, one, rights, role, twoControlPlanes } from '../deployment.ts';

const deployment = deploy(twoControlPlanes);

describe('what answers questions', () => {
  it('reads its environment as the function does', () => {
    const variables = environment(one(deployment, 'AWS::Lambda::Function', 'Inspectprod'));

    expect(v.parse(inspectEnvironment, variables)).toMatchObject({
      CONTROL_PLANE: 'prod',
      DATA_PLANE_VERSIONS: ['3.9.1', '3.8.1'],
    });
  });

  it('may read, and neither write nor sign', () => {
    const actions = rights(deployment, role(deployment, 'InspectRole', 'prod')).map(
      (right) => right.split(' ')[1],
    );

    expect(new Set(actions)).toEqual(
      new Set([
        's3:GetObject',
        's3:GetObjectVersion',
        's3:ListBucket',
        's3:ListBucketVersions',
        'kms:Decrypt',
        'kms:GetPublicKey',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        // Drills ask for grants of this control plane, and read of the last one.
        'execute-api:Invoke',
        'logs:FilterLogEvents',
      ]),
    );
  });

  it('has the time for a drill and what is verified with it', () => {
    const { properties } = one(deployment, 'AWS::Lambda::Function', 'Inspectprod');

    // And for its start, and to ask when the last one was.
    expect(Number(properties['Timeout']) * 1000).toBe(playMs + 60_000);
  });

  it('gives grants as what data planes ask does', () => {
    expect(environment(one(deployment, 'AWS::Lambda::Function', 'Inspectprod'))).toMatchObject({
      URL_LIFETIME_SECONDS: '200',
      DUAL_STACK: 'false',
    });
  });

  it('gives revisions to the roles that are granted, and to nobody who may only look', () => {
    const { stack } = deploy(twoControlPlanes);
    const person = (id: string) => new iam.Role(stack, id, { assumedBy: new iam.AccountRootPrincipal() });
    const routesOf = ({ principalStatements }: iam.Grant) =>
      JSON.stringify(stack.resolve(principalStatements.map(({ resources }) => resources))).match(
        /[A-Z]+\/control-planes\/[^"]*/g,
      );

    expect(routesOf(stack.lifeboat.grantInspect(person('Looks'), 'prod'))).toEqual([
      'GET/control-planes/prod/inspect',
    ]);
    expect(routesOf(stack.lifeboat.grantFetchRevision(person('Fetches'), 'prod'))).toEqual([
      'GET/control-planes/prod/revision-grant',
    ]);
    expect(() => stack.lifeboat.grantFetchRevision(person('Other'), 'nowhere')).toThrow(
      /there is no control plane "nowhere"/,
    );
  });

  it('is open to the roles that are granted, of one control plane', () => {
    const { stack } = deploy(twoControlPlanes);
    const person = new iam.Role(stack, 'Person', { assumedBy: new iam.AccountRootPrincipal() });

    expect(stack.lifeboat.grantInspect(person, 'prod').success).toBe(true);
    expect(() => stack.lifeboat.grantInspect(person, 'nowhere')).toThrow(
      /there is no control plane "nowhere"/,
    );
  });
});
