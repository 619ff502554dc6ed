import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { exportEnvironment } from '../../../lambdas/environment/export.ts';
import { presignEnvironment } from '../../../lambdas/environment/presign.ts';
import { webhookEnvironment } from '../../../lambdas/environment/webhook.ts';
import { exampleCertificate } from '../../../policy/example-certificate.ts';
import {
  controlPlaneNames,
  deploy,
  environment,
  failure,
  ofType,
  one,
  twoControlPlanes,
} from '../deployment.ts';

const deployment = deploy(twoControlPlanes);
const lambdaFunction = (...words: readonly string[]) => one(deployment, 'AWS::Lambda::Function', ...words);

describe('a function', () => {
  const all = ofType(deployment, 'AWS::Lambda::Function');

  it('runs on Node.js 24 on ARM64 with JSON logs', () => {
    expect(all).toHaveLength(7);
    deployment.template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      LoggingConfig: { LogFormat: 'JSON' },
    });
  });

  it('logs into a group of its own, for the days of the settings', () => {
    const groups = all.map(({ properties }) => properties['LoggingConfig']);

    const retentions = ofType(deployment, 'AWS::Logs::LogGroup').map(({ id, properties }) => [
      id,
      properties['RetentionInDays'],
    ]);
    expect(new Set(groups.map((group) => JSON.stringify(group))).size).toBe(7);
    expect(retentions).toEqual(retentions.map(([id]) => [id, 90]));
    expect(retentions.map(([id]) => id)).toEqual(
      expect.arrayContaining(
        groups.map((group) => v.parse(v.object({ LogGroup: v.string() }), group).LogGroup),
      ),
    );
  });

  it.each([
    ['webhook', lambdaFunction('Intake'), webhookEnvironment],
    ...controlPlaneNames.flatMap((controlPlane) => [
      [`export of ${controlPlane}`, lambdaFunction(`Export${controlPlane}`), exportEnvironment] as const,
      [`presign of ${controlPlane}`, lambdaFunction(`Presign${controlPlane}`), presignEnvironment] as const,
    ]),
  ] as const)('is given what it reads, and nothing else: %s', (_name, resource, schema) => {
    const names = Object.keys(environment(resource));

    const telemetry = ['DEPLOYMENT', 'POWERTOOLS_SERVICE_NAME'];
    expect(names.sort()).toEqual([...Object.keys(schema.entries), ...telemetry].sort());
    expect(environment(resource)).toMatchObject({ DEPLOYMENT: 'Lifeboat' });
  });

  it('finds no secret in its environment, only where secrets lie', () => {
    const environments = JSON.stringify(
      all.map(
        ({ id }) =>
          deployment.template.findResources('AWS::Lambda::Function')[id]?.['Properties'].Environment,
      ),
    );

    // How CloudFormation puts the value of a secret into a template.
    expect(environments).not.toContain('{{resolve:');
    expect(environments).not.toMatch(/BEGIN [A-Z ]*(CERTIFICATE|PRIVATE KEY)/);
  });

  it('refuses an environment that Lambda would not take, to the byte', () => {
    const deploying = (...lengths: readonly number[]) => {
      const commonNames = lengths.map((length) => 'x'.repeat(length));
      deploy({
        ...twoControlPlanes,
        dataPlaneAuth: { iam: true, clusterCertificate: { authorities: [exampleCertificate], commonNames } },
      });
    };
    const said = failure(() => deploying(...Array<number>(60).fill(64)));
    // Each name but the last has a comma behind it.
    const others = Number(/environment would have (\d+) bytes/.exec(said)?.[1]) - (60 * 65 - 1);
    const whole = Array<number>(Math.floor((4096 - others) / 65)).fill(64);
    const last = 4096 - others - whole.length * 65;

    expect(() => deploying(...whole, last)).not.toThrow();
    expect(failure(() => deploying(...whole, last + 1))).toContain(
      'would have 4097 bytes, but Lambda accepts at most 4096',
    );
  });

  it('keeps as many executions as its setting says', () => {
    const told = deploy({
      ...twoControlPlanes,
      reservedConcurrency: { webhook: 5, presign: 20, inspect: 3 },
    });

    const reserved = ofType(told, 'AWS::Lambda::Function').map(({ id, properties }) => [
      /^(Export|Presign|Inspect|Intake)/.exec(id)?.[0],
      properties['ReservedConcurrentExecutions'],
    ]);

    expect(reserved).toHaveLength(7);
    expect(Object.fromEntries(reserved)).toEqual({ Export: undefined, Presign: 20, Inspect: 3, Intake: 5 });
  });
});
