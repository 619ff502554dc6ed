import { InvalidArgumentError } from 'commander';

/** For `--endpoint`. @returns the URL without a slash at its end */
export function parseEndpoint(value: string): string {
  if (!/^https?:\/\/[^/]+\/?$/.test(value)) {
    throw new InvalidArgumentError(
      'The http(s) URL of an emulator is expected, for example http://127.0.0.1:4566',
    );
  }
  return value.replace(/\/$/, '');
}
