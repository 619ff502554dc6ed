/** What the AWS SDK asks, STS for credentials and KMS, goes the same ways as grants and files. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { listen } from '../../simulators/kong/control-plane/listening.ts';
import { privateHost, startPrivateNetwork } from '../core/fetch/private-network.ts';
import { bundledCli, type Cli } from './bundled-cli.ts';
import { newSigningKey } from './published-file.ts';

const key = newSigningKey();
const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const roleCredentials =
  '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>' +
  '<AccessKeyId>ASIAFROMSTS</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>' +
  '<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>';

let cli: Cli;
let inner: Awaited<ReturnType<typeof listen>>;
let network: Awaited<ReturnType<typeof startPrivateNetwork>>;
let common: Readonly<Record<string, string>>;
let caFile: string;
beforeAll(async () => {
  cli = await bundledCli();
  inner = await listen(
    createServer((request, response) => {
      if (request.headers['x-amz-target'] === 'TrentService.GetPublicKey') {
        const PublicKey = signingKey.export({ format: 'der', type: 'spki' }).toString('base64');
        response
          .writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify({ PublicKey }));
      } else if (request.method === 'POST') {
        response.writeHead(200, { 'content-type': 'text/xml' }).end(roleCredentials);
      } else {
        response.writeHead(403).end('{"message":"Forbidden"}');
      }
    }),
    '127.0.0.1',
    0,
  );
  network = await startPrivateNetwork(inner.port);
  caFile = join(cli.directory, 'ca.pem');
  const token = join(cli.directory, 'token');
  await writeFile(caFile, network.ca);
  await writeFile(token, 'a-token');
  common = {
    AWS_REGION: 'eu-central-1',
    AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/pod',
    AWS_WEB_IDENTITY_TOKEN_FILE: token,
    AWS_ENDPOINT_URL_STS: `https://${privateHost}`,
    AWS_ENDPOINT_URL_KMS: `https://${privateHost}`,
    HTTPS_PROXY: network.proxyUrl.replace('http://', 'http://user:p%40ss@'),
  };
});
afterAll(async () => {
  await network.stop();
  await inner.stop();
  await cli.stop();
});

const fetchWith = (...more: readonly string[]) =>
  cli.run(
    [
      'fetch',
      ...['--control-plane', 'prod', '--kong-version', '3.9.1', '--public-key', key.pem],
      ...['--endpoint', `https://${privateHost}`, '--output', join(cli.directory, 'config.json'), ...more],
    ],
    common,
  );

it('gets a role’s credentials by way of the proxy, from an STS with a private CA', async () => {
  const { exitCode, stderr } = await fetchWith('--ca-file', caFile);

  expect({ exitCode, stderr }).toEqual({
    exitCode: 3,
    stderr: expect.stringContaining('the access key ASIA…MSTS'),
  });
  const authorization = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
  expect(network.tunnels.slice(-2)).toEqual([
    { to: `${privateHost}:443`, authorization },
    { to: `${privateHost}:443`, authorization },
  ]);
});

it('trusts no STS with a private CA that it was not given', async () => {
  const { exitCode, stderr } = await fetchWith();

  expect({ exitCode, stderr }).toEqual({
    exitCode: 3,
    stderr: expect.stringMatching(/no AWS credentials were found .*--ca-file adds one/),
  });
});

it('asks KMS for a public key by way of the proxy, with a private CA', async () => {
  const { exitCode, stdout, stderr } = await cli.run(
    ['public-key', '--key-id', 'x', '--ca-file', caFile],
    common,
  );

  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toBe(signingKey.export({ format: 'pem', type: 'spki' }).toString());
});

it('says that it was the proxy that refused', async () => {
  network.refuse('407 Proxy Authentication Required');

  const { exitCode, stderr } = await cli.run(['public-key', '--key-id', 'x', '--ca-file', caFile], {
    ...common,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
  });

  expect(exitCode).toBe(5);
  expect(stderr).toMatch(/KMS gave nothing .*\(through the proxy 127\.0\.0\.1:\d+: it answered 407\)/);
  expect(stderr).not.toMatch(/user|p@ss|p%40ss/);
});
