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
  compositeAlarm: { usdPerMonth: 0.5, source: cloudWatch, quotedBy: 'c3x.dev', date: '2026-11' },
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
