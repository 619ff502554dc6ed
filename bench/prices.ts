/**
 * What AWS bills by the month for things that are there, whether they are used or not, a listener's time
 * among them: us-east-1, without the free tier. AWS's own pages could not be read here, so a page that quotes
 * them is named as well, with its date. Look at AWS's page before you rely on a price.
 */
interface Price {
  readonly usdPerMonth: number;
  /** AWS's page. */
  readonly source: string;
  readonly quotedBy: string;
  /** Of the quoting page; of reading it (2026-11), where it has none. */
  readonly date: string;
}

const cloudWatch = 'https://aws.amazon.com/cloudwatch/pricing/';

export const prices = {
  /** Standard resolution. An alarm on an expression counts each metric in it. */
  alarmMetric: { usdPerMonth: 0.1, source: cloudWatch, quotedBy: 'c3x.dev', date: '2026-11' },
  /** The first 10,000 of an account. An hour without a value is not billed. */
  customMetric: { usdPerMonth: 0.3, source: cloudWatch, quotedBy: 'signoz.io', date: '2026-02-15' },
  dashboard: { usdPerMonth: 3, source: cloudWatch, quotedBy: 'factualminds.com', date: '2026-06-13' },
  /** A listener: 128 MB all the time, 324,000 GB-seconds on ARM at 0.0000133334 USD. */
  listener: {
    usdPerMonth: 4.32,
    source: 'https://aws.amazon.com/lambda/pricing/',
    quotedBy: 'cloudchipr.com',
    date: '2026-11',
  },
  key: {
    usdPerMonth: 1,
    source: 'https://aws.amazon.com/kms/pricing/',
    quotedBy: 'cloudburn.io',
    date: '2026-03-14',
  },
  secret: {
    usdPerMonth: 0.4,
    source: 'https://aws.amazon.com/secrets-manager/pricing/',
    quotedBy: 'hivebook.wiki',
    date: '2026-11',
  },
} as const satisfies Readonly<Record<string, Price>>;

/** What AWS bills by use, on the same terms. */
interface UsePrice extends Omit<Price, 'usdPerMonth'> {
  readonly usd: number;
}

const kms = 'https://aws.amazon.com/kms/pricing/';
const lambda = 'https://aws.amazon.com/lambda/pricing/';
const s3 = 'https://aws.amazon.com/s3/pricing/';

export const usePrices = {
  /** A request of a function, and a GB-second of it on ARM. */
  lambdaRequest: { usd: 0.2e-6, source: lambda, quotedBy: 'cloudchipr.com', date: '2026-11' },
  lambdaGbSecond: { usd: 0.0000133334, source: lambda, quotedBy: 'cloudchipr.com', date: '2026-11' },
  /** With a key of an elliptic curve: five times of what another call costs. */
  kmsSignature: { usd: 0.15 / 10_000, source: kms, quotedBy: 'factualminds.com', date: '2026-06-13' },
  kmsRequest: { usd: 0.03 / 10_000, source: kms, quotedBy: 'factualminds.com', date: '2026-06-13' },
  s3Put: { usd: 0.005 / 1000, source: s3, quotedBy: 'devnotes.tech', date: '2026-11' },
  s3Get: { usd: 0.0004 / 1000, source: s3, quotedBy: 'devnotes.tech', date: '2026-11' },
  s3GbMonth: { usd: 0.023, source: s3, quotedBy: 'devnotes.tech', date: '2026-11' },
  /** FIFO. Waiting for a message is a request, too. */
  sqsRequest: {
    usd: 0.5e-6,
    source: 'https://aws.amazon.com/sqs/pricing/',
    quotedBy: 'cloudburn.io',
    date: '2026-03-14',
  },
  httpApiRequest: {
    usd: 1e-6,
    source: 'https://aws.amazon.com/api-gateway/pricing/',
    quotedBy: 'go-cloud.io',
    date: '2026-11',
  },
  schedule: {
    usd: 1e-6,
    source: 'https://aws.amazon.com/eventbridge/pricing/',
    quotedBy: 'cloudburn.io',
    date: '2026-03-13',
  },
  logGb: { usd: 0.5, source: cloudWatch, quotedBy: 'go-cloud.io', date: '2026-11' },
} as const satisfies Readonly<Record<string, UsePrice>>;
