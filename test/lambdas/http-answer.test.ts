import { describe, expect, it } from '@jest/globals';
import { jsonAnswer, problemAnswer } from '../../lambdas/http-answer.ts';

describe('an answer over HTTP', () => {
  it('is JSON that nobody on the way keeps', () => {
    expect(jsonAnswer(202, { status: 'accepted' })).toEqual({
      statusCode: 202,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: '{"status":"accepted"}',
    });
  });

  it('that is an error has the form of RFC 9457, further members at its top level', () => {
    const answer = problemAnswer({
      status: 404,
      title: 'No file',
      detail: 'There is none.',
      more: { kongVersions: ['3.9.1'] },
    });

    expect(answer).toMatchObject({
      statusCode: 404,
      headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
    });
    expect(JSON.parse(answer.body ?? '')).toEqual({
      type: 'about:blank',
      status: 404,
      title: 'No file',
      detail: 'There is none.',
      kongVersions: ['3.9.1'],
    });
  });

  it('without further members has none', () => {
    const answer = problemAnswer({ status: 401, title: 'Bad signature', detail: 'No.' });

    expect(Object.keys(JSON.parse(answer.body ?? ''))).toEqual(['type', 'status', 'title', 'detail']);
  });
});
