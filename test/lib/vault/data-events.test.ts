import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { deploy, deployWithReplica, ofType, one, twoControlPlanes } from '../deployment.ts';

describe('the data events of the vault', () => {
  const watching = deploy({ ...twoControlPlanes, dataEvents: true });
  const vaultBucket = one(watching, 'AWS::S3::Bucket', 'Vault');
  const log = one(watching, 'AWS::S3::Bucket', 'DataEvents');
  const trail = one(watching, 'AWS::CloudTrail::Trail');

  it('are there when they are asked for', () => {
    const without = deploy(twoControlPlanes);

    expect(ofType(without, 'AWS::CloudTrail::Trail')).toEqual([]);
    expect(ofType(without, 'AWS::S3::Bucket')).toHaveLength(1);
  });

  it('are those of its objects, read and written, and no management events', () => {
    expect(trail.properties['AdvancedEventSelectors']).toEqual([
      {
        Name: expect.any(String),
        FieldSelectors: [
          { Field: 'eventCategory', Equals: ['Data'] },
          { Field: 'resources.type', Equals: ['AWS::S3::Object'] },
          { Field: 'resources.ARN', StartsWith: [`${vaultBucket.arn}/`] },
        ],
      },
    ]);
    expect(trail.properties).toMatchObject({ IsLogging: true, EnableLogFileValidation: true });
  });

  it('lie in a bucket of their own that nothing but this trail writes to', () => {
    const name = String(trail.properties['TrailName']);
    const { properties } = one(watching, 'AWS::S3::BucketPolicy', 'DataEvents');
    const { Statement } = v.parse(
      v.object({ Statement: v.array(v.record(v.string(), v.unknown())) }),
      properties['PolicyDocument'],
    );

    const allowed = Statement.filter(({ Effect }) => Effect === 'Allow');
    const fromTrail = {
      Principal: { Service: 'cloudtrail.amazonaws.com' },
      Condition: {
        StringEquals: { 'aws:SourceArn': `arn:aws:cloudtrail:eu-central-1:111122223333:trail/${name}` },
      },
    };
    expect(trail.properties['S3BucketName']).toBe(log.arn.replace('arn:aws:s3:::', ''));
    expect(allowed).toMatchObject([
      { ...fromTrail, Action: 's3:GetBucketAcl', Resource: log.arn },
      { ...fromTrail, Action: 's3:PutObject', Resource: `${log.arn}/AWSLogs/111122223333/*` },
    ]);
  });

  it('outlive the deployment, keep what was overwritten, and go after a year', () => {
    expect(log.deletionPolicy).toBe('RetainExceptOnCreate');
    expect(log.properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      PublicAccessBlockConfiguration: { BlockPublicPolicy: true, RestrictPublicBuckets: true },
      LifecycleConfiguration: {
        Rules: [{ ExpirationInDays: 365, NoncurrentVersionExpiration: { NoncurrentDays: 365 } }],
      },
    });
  });

  it('go to a trail of the deployer’s, which needs the same selector, where they ask for it', () => {
    const { first, second } = deployWithReplica({ ...twoControlPlanes, dataEvents: 'selector' });

    for (const deployment of [first, second]) {
      expect(ofType(deployment, 'AWS::CloudTrail::Trail')).toEqual([]);
      const bucket = one(deployment, 'AWS::S3::Bucket');
      const [selector] = trail.properties['AdvancedEventSelectors'] as readonly object[];
      expect(JSON.parse(deployment.outputs['DataEventSelector'] ?? '')).toEqual(
        JSON.parse(JSON.stringify(selector).replace(vaultBucket.arn, bucket.arn)),
      );
    }
    expect(watching.outputs).not.toHaveProperty('DataEventSelector');
  });
});
