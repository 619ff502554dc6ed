import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { fuse, requireOfficialNode } from '../../build/official-node.ts';

// This process's own is official, or the binary could not be built here.
const official = readFileSync(process.execPath);

/** The same program with one text in place of another, which is not shorter. */
function withText(text: string, instead: string): Buffer {
  const bytes = Buffer.from(official);
  const at = bytes.indexOf(`${text}\0`);
  expect(at).toBeGreaterThan(0);
  bytes.fill(0, at, at + text.length);
  bytes.write(instead, at);
  return bytes;
}

function withMachine(machine: number): Buffer {
  const bytes = Buffer.from(official);
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

const interpreter = /\/lib(?:64)?\/ld-linux[\w.-]*/.exec(official.toString('latin1', 0, 4096))?.[0] ?? '';

describe('a Node that is to become the client’s binary', () => {
  it('is taken as nodejs.org builds it, with the oldest C library that it runs on', () => {
    expect(requireOfficialNode(official)).toEqual({
      architecture: process.arch,
      glibc: expect.stringMatching(/^2\.\d+$/),
    });
  });

  it.each<readonly [string, () => Buffer, RegExp]>([
    ['of musl', () => withText(interpreter, '/lib/ld-musl.so.1'), /for musl, as on Alpine/],
    [
      'of a distribution, whose code is in a library',
      () => withText('libdl.so.2', 'libnode.so'),
      /distribution’s own: it needs libnode\.so/,
    ],
    [
      'with the system’s ICU',
      () => withText('libdl.so.2', 'libicui18n'.slice(0, 10)),
      /distribution’s own: it needs libicui18n/,
    ],
    ['that is linked otherwise', () => withText(interpreter, '/lib/ld.so'), /not linked with the GNU C/],
    ['of macOS', () => Buffer.from('cffaedfe0c00000102000000', 'hex'), /a program of macOS/],
    ['of macOS for both its processors', () => Buffer.from('cafebabe00000002', 'hex'), /a program of macOS/],
    ['of Windows', () => Buffer.from('4d5a900003000000', 'hex'), /a program of Windows/],
    ['that is a version manager’s shim', () => Buffer.from('#!/bin/sh\nexec node'), /a script/],
    ['that is nothing', () => Buffer.alloc(0), /no program of Linux/],
    ['for s390x', () => withMachine(22), /another processor than x64 and arm64 \(ELF machine 22\)/],
    ['that is cut off', () => official.subarray(0, 1000), /cut off or damaged/],
    [
      'without a place for an application',
      () => withText(`${fuse}:0`, fuse.replace('FUSE', 'NONE')),
      /without a place for an application/,
    ],
    ['that holds one', () => withText(`${fuse}:0`, `${fuse}:1`), /holds an application already/],
  ])('is refused %s, with what to do', (_which, bytes, said) => {
    expect(() => requireOfficialNode(bytes())).toThrow(said);
    expect(() => requireOfficialNode(bytes())).toThrow(/Take a Node for Linux from nodejs\.org/);
  });
});
