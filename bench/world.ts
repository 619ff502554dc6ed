import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { AwsCredentialIdentity } from '@smithy/types';
import type { ClusterCertificate } from '../core/kong/cluster-connection.ts';

/** Where the bench's control plane, vault and keys are. */
export interface World {
  readonly clusterEndpoint: string;
  /** The same control plane after a restart: it serves the same configuration in other bytes. */
  readonly restartedClusterEndpoint: string;
  readonly certificate: ClusterCertificate;
  /** Compressed, as it is sent. */
  readonly frameBytes: number;
  /** Inflated. */
  readonly jsonBytes: number;
  readonly region: string;
  readonly s3Endpoint: string;
  readonly kmsEndpoint: string;
  readonly bucket: string;
  readonly encryptionKeyArn: string;
  readonly signingKeyArn: string;
  readonly credentials: AwsCredentialIdentity;
}

/** What one way of exporting cost. */
export interface ExportCost {
  /** From connect to published. */
  readonly seconds: number;
  /** Of all threads, start included; hardly changed by what else the machine does. */
  readonly cpuSeconds: number;
  readonly peakRssMb: number;
}

/** What the bench's listener has in its environment, and what it is sent. */
export interface ListenWorld {
  readonly variables: Readonly<Record<string, string>>;
  /** Compressed, as it is sent. */
  readonly frameBytes: number;
  /** Inflated. */
  readonly jsonBytes: number;
}

/** What the bench's inspect function reads. */
export interface InspectWorld {
  /** The function's environment, credentials and endpoints included. */
  readonly variables: Readonly<Record<string, string>>;
  /** Has all revisions; each differs from the one before in a thousandth of its entities. */
  readonly kongVersion: string;
  readonly revisions: number;
  /** Has three revisions: after the first each entity is another one, then the same in other bytes. */
  readonly otherKongVersion: string;
  /** Of one file, uncompressed. */
  readonly jsonBytes: number;
  /** Of one file, as it is stored. */
  readonly gzipBytes: number;
}

/** Where the bench's data planes get their file. */
export interface StandbyWorld {
  readonly apiUrl: string;
  /** PEM. */
  readonly publicKey: string;
  readonly controlPlane: string;
  readonly kongVersion: string;
  readonly region: string;
  /** A copy of what is published. */
  readonly file: string;
  readonly jsonBytes: number;
  /** As it is stored and sent. */
  readonly gzipBytes: number;
  readonly md5: string;
  readonly sha256: string;
}

/** Reads where a world is from the first line that its process prints. */
export async function readWorld<Read>({ stdout, spawnargs }: ChildProcess): Promise<Read> {
  if (stdout !== null) {
    for await (const line of createInterface({ input: stdout })) {
      return JSON.parse(line) as Read;
    }
  }
  throw new Error(`the bench’s other process did not start: ${spawnargs.join(' ')}`);
}
