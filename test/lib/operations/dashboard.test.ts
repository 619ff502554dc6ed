import { describe, expect, it } from '@jest/globals';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { metricNames } from '../../../lambdas/telemetry.ts';
import { Lifeboat } from '../../../lib/deployment/lifeboat.ts';
import { exampleCertificate } from '../../../policy/example-certificate.ts';
import { deployWatched, metricAlarmsOf } from '../alarms.ts';
import { newApp } from '../app.ts';
import {
  controlPlaneNames,
  type Deployment,
  deploy,
  deployWithReplica,
  ofType,
  one,
  type Resource,
  region,
  twoControlPlanes,
} from '../deployment.ts';

const deployment = deployWatched();

const dashboardBody = v.object({
  widgets: v.array(
    v.object({
      type: v.string(),
      x: v.number(),
      y: v.number(),
      width: v.number(),
      height: v.number(),
      properties: v.object({
        title: v.optional(v.string(), ''),
        markdown: v.optional(v.string(), ''),
        query: v.optional(v.string(), ''),
        alarms: v.optional(v.array(v.string()), []),
        metrics: v.optional(v.array(v.array(v.unknown())), []),
      }),
    }),
  ),
});

function dashboard(of: Deployment): v.InferOutput<typeof dashboardBody>['widgets'] {
  const { properties } = one(of, 'AWS::CloudWatch::Dashboard');
  return v.parse(dashboardBody, JSON.parse(String(properties['DashboardBody']))).widgets;
}

describe('the dashboard', () => {
  const widgets = dashboard(deployment);
  const titles = widgets.map(({ properties }) => properties.title);

  it('has the stack’s name and its region, for it stands beside those of all regions; in a stack of somebody else also that of the construct', () => {
    const theirs = new Stack(newApp(), 'Platform');
    new Lifeboat(theirs, 'Gateways', { ...twoControlPlanes, dataEvents: true });

    const template = Template.fromStack(theirs);

    expect(one(deployment, 'AWS::CloudWatch::Dashboard').properties['DashboardName']).toBe(
      `Lifeboat-${region}`,
    );
    template.hasResourceProperties('AWS::CloudWatch::Dashboard', {
      DashboardName: { 'Fn::Join': ['', ['Platform-Gateways-', { Ref: 'AWS::Region' }]] },
    });
    template.hasResourceProperties('AWS::CloudTrail::Trail', { TrailName: 'Platform-Gateways-vault' });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'Platform-Gateways prod: Dead letters',
    });
  });

  it('answers in the order in which people ask, and says how to read each answer', () => {
    const texts = widgets.filter(({ type }) => type === 'text').toSorted((one, other) => one.y - other.y);

    const said = texts.map(({ properties }) => properties.markdown.split('\n\n'));
    expect(said.map(([heading]) => heading)).toEqual([
      '# Can a new data plane boot now, with which configuration, and how old is it?',
      '# Is the pipeline keeping up?',
      '# What do strangers send?',
      '# What does it cost?',
    ]);
    for (const [, howToRead = ''] of said) {
      expect(howToRead.length).toBeGreaterThan(100);
    }
  });

  it('shows metrics that the functions emit, for each control plane', () => {
    const own = widgets.flatMap(({ properties }) =>
      properties.metrics
        .filter(([namespace]) => namespace === 'Lifeboat')
        .map(([, name, , value]) => `${name} ${value}`),
    );

    const shown = new Set(own.map((metric) => metric.split(' ')[0]));
    expect([...shown].filter((name) => !metricNames.some((known) => known === name))).toEqual([]);
    // What a function measures and nobody looks at need not be measured; what only an intruder does has its
    // alarm.
    expect(metricNames.filter((name) => !shown.has(name))).toEqual([
      'ManifestReplaced',
      'NotVersioned',
      'SigningKeysMissing',
    ]);
    for (const name of shown) {
      expect(own).toEqual(expect.arrayContaining(controlPlaneNames.map((value) => `${name} ${value}`)));
    }
  });

  it('may be left out, in both regions, and takes no alarm with it', () => {
    const [without, others] = [{ dashboard: false }, {}].map((settings) => {
      const { first, second } = deployWithReplica({ ...twoControlPlanes, ...settings });
      const ofBoth = (type: string) =>
        [first, second].flatMap((each) => ofType(each, type).map(({ id }) => id));
      return { dashboards: ofBoth('AWS::CloudWatch::Dashboard'), alarms: ofBoth('AWS::CloudWatch::Alarm') };
    });

    expect([without?.dashboards, others?.dashboards.length]).toEqual([[], 2]);
    expect(without?.alarms).toEqual(others?.alarms);
  });

  it('shows what strangers send below their heading only', () => {
    const [from = 0, to = 0] = widgets
      .filter(({ properties }) => /^# What d(o strangers|oes it cost)/.test(properties.markdown))
      .map(({ y }) => y);

    const theirs = widgets.filter(({ properties }) =>
      properties.metrics.some(([, name]) => ['HooksRefused', 'GrantsRefused', '4xx'].includes(String(name))),
    );

    expect(theirs).toHaveLength(3);
    expect(theirs.filter(({ y }) => y <= from || y >= to)).toEqual([]);
  });

  it('asks the exports’ logs with what is in the vault, and how long ago that was verified', () => {
    const [query = ''] = widgets.map(({ properties }) => properties.query).filter((text) => text !== '');

    const logGroups = controlPlaneNames.map(
      (name) => one(deployment, 'AWS::Logs::LogGroup', `Export${name}`).id,
    );
    expect([...query.matchAll(/SOURCE '(\w+)'/g)].map(([, group]) => group)).toEqual(logGroups);
    expect(query).toContain('filter message in ["published", "unchanged"]');
    // Only a limit may follow a dedup (CloudWatch Logs User Guide, "dedup").
    expect(query).toMatch(/\| sort @timestamp desc\n\| dedup controlPlane, kongVersion$/);
    expect(query).toContain('minutesAgo');
  });

  it('shows every alarm', () => {
    const shown = widgets.flatMap(({ properties }) => properties.alarms);

    const all = [
      ...ofType(deployment, 'AWS::CloudWatch::Alarm'),
      ...ofType(deployment, 'AWS::CloudWatch::CompositeAlarm'),
    ].map(({ arn }) => arn);
    expect(shown.toSorted()).toEqual(all.toSorted());
  });

  it('counts gigabyte-seconds with the memory that a function has', () => {
    const memory = new Map(
      ofType(deployment, 'AWS::Lambda::Function').map(({ id, properties }: Resource) => [
        id,
        properties['MemorySize'],
      ]),
    );
    const { properties } = widgets[titles.indexOf('GB-seconds')] ?? {};

    const counted = (properties?.metrics ?? []).flatMap(([first], index, all) => {
      const { expression = '' } = v.parse(
        v.object({ expression: v.optional(v.string()) }),
        typeof first === 'object' ? first : {},
      );
      return expression === ''
        ? []
        : [[all[index + 1]?.[3], Number(expression.split(' * ')[1]) * 1024] as const];
    });

    expect(new Map(counted as [string, number][])).toEqual(memory);
  });

  it('covers no widget with another, and leaves none outside', () => {
    const cells = widgets.flatMap(({ x, y, width, height }) =>
      Array.from(
        { length: width * height },
        (_, cell) => `${x + (cell % width)} ${y + Math.floor(cell / width)}`,
      ),
    );

    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...widgets.map(({ x, width }) => x + width))).toBe(24);
  });

  it('and the alarms fit into AWS with ten control planes', () => {
    const unit = { clusterEndpoint: 'cp:8005', dataPlaneVersions: ['3.9.1'] };
    const names = Array.from({ length: 10 }, (_, index) => `${index}${'-a'.repeat(19)}b`);

    const largest = deploy({ controlPlanes: Object.fromEntries(names.map((name) => [name, unit])) });

    const alarmsShown = dashboard(largest).map(({ properties }) => properties.alarms.length);
    const all = metricAlarmsOf(largest);
    // CloudWatch User Guide, "Dashboard body structure": 100 alarms in a widget.
    expect(Math.max(...alarmsShown)).toBeLessThanOrEqual(100);
    // CloudWatch API Reference, PutMetricAlarm: 255 characters of name, 1,024 of description.
    expect(Math.max(...all.map(({ AlarmName }) => AlarmName.length))).toBeLessThanOrEqual(255);
    expect(Math.max(...all.map(({ AlarmDescription }) => AlarmDescription.length))).toBeLessThanOrEqual(1024);
    // CloudFormation User Guide, "Quotas".
    expect(largest.resources.length).toBeLessThanOrEqual(500);
  });

  it('counts each route that there is, among what strangers send', () => {
    const clusterCertificate = { certificates: [exampleCertificate] };
    const both = deploy({
      ...twoControlPlanes,
      controlPlanes: {
        prod: { ...twoControlPlanes.controlPlanes.prod, dataPlaneAuth: { iam: true, clusterCertificate } },
        staging: { ...twoControlPlanes.controlPlanes.staging, dataPlaneAuth: { clusterCertificate } },
      },
    });
    const counted = (name: string) =>
      dashboard(both)
        .flatMap(({ properties }) => properties.metrics)
        .filter((metric) => metric[1] === name && JSON.stringify(metric).includes('/fallback-config'))
        .map((metric) => `${metric[metric.indexOf('Method') + 1]} ${metric[metric.indexOf('Resource') + 1]}`);

    const routes = [
      'GET /control-planes/prod/fallback-config',
      'POST /control-planes/prod/fallback-config',
      'POST /control-planes/staging/fallback-config',
    ];
    expect(counted('4xx')).toEqual(routes);
    expect(counted('Count')).toEqual(routes);
  });
});
