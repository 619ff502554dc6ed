/**
 * Metric math of Amazon CloudWatch, as far as alarms here use it. Behaviour: CloudWatch User Guide, "Using
 * math expressions with CloudWatch metrics".
 */

/** Values by the number of their period, 0 the newest. What is missing has none. */
export type Series = ReadonlyMap<number, number>;

type Value = number | Series;

/**
 * What `FILL` makes of a series without any value, which is not documented: `zeros` fills it like another,
 * `nothing` leaves it empty.
 */
export type EmptyFill = 'zeros' | 'nothing';

export interface MathContext {
  /** By their ids. */
  readonly series: ReadonlyMap<string, Series>;
  /** How many periods are looked at. */
  readonly periods: number;
  readonly emptyFill: EmptyFill;
}

/**
 * Computes an expression for each period.
 *
 * @throws Error when it has something that is not known here, or ends in a number where a series is needed
 */
export function computeMath(expression: string, context: MathContext): Series {
  const tokens = tokensOf(expression);
  const parser = new MathParser(tokens, context);
  const value = parser.parseAll();
  if (typeof value === 'number') {
    throw new Error(`"${expression}" is a number: the result of an expression must be a time series`);
  }
  return value;
}

function tokensOf(expression: string): readonly string[] {
  const tokens = expression.match(/[A-Za-z_]\w*|\d+(?:\.\d+)?|<=|>=|==|!=|\S/g) ?? [];
  return tokens;
}

const comparisons: Readonly<Record<string, (one: number, other: number) => boolean>> = {
  '<': (one, other) => one < other,
  '>': (one, other) => one > other,
  '<=': (one, other) => one <= other,
  '>=': (one, other) => one >= other,
  '==': (one, other) => one === other,
  '!=': (one, other) => one !== other,
};

const arithmetic: Readonly<Record<string, (one: number, other: number) => number>> = {
  '+': (one, other) => one + other,
  '-': (one, other) => one - other,
  '*': (one, other) => one * other,
  // A data point that divides by zero is dropped.
  '/': (one, other) => (other === 0 ? Number.NaN : one / other),
};

/** By descent: OR, AND, comparison, sum, product, what stands alone. */
class MathParser {
  readonly #tokens: readonly string[];
  readonly #context: MathContext;
  #at = 0;

  constructor(tokens: readonly string[], context: MathContext) {
    this.#tokens = tokens;
    this.#context = context;
  }

  parseAll(): Value {
    const value = this.#parseOr();
    if (this.#at < this.#tokens.length) {
      throw new Error(`"${this.#tokens[this.#at]}" was not expected in ${this.#tokens.join(' ')}`);
    }
    return value;
  }

  #parseOr(): Value {
    return this.#parseRow(
      ['OR', '||'],
      () => this.#parseAnd(),
      () => (one, other) => Number(one !== 0 || other !== 0),
    );
  }

  #parseAnd(): Value {
    return this.#parseRow(
      ['AND', '&&'],
      () => this.#parseComparison(),
      () => (one, other) => Number(one !== 0 && other !== 0),
    );
  }

  #parseComparison(): Value {
    return this.#parseRow(
      Object.keys(comparisons),
      () => this.#parseSum(),
      (operator) => (one, other) => Number(comparisons[operator]?.(one, other)),
    );
  }

  #parseSum(): Value {
    const operation = (operator: string) => arithmetic[operator] ?? (() => Number.NaN);
    return this.#parseRow(
      ['+', '-'],
      () => this.#parseRow(['*', '/'], () => this.#parseAlone(), operation),
      operation,
    );
  }

  #parseRow(
    operators: readonly string[],
    parseOne: () => Value,
    operationOf: (operator: string) => (one: number, other: number) => number,
  ): Value {
    let value = parseOne();
    for (let operator = this.#take(operators); operator !== undefined; operator = this.#take(operators)) {
      value = combine(value, parseOne(), operationOf(operator));
    }
    return value;
  }

  #parseAlone(): Value {
    const token = this.#next();
    if (/^\d/.test(token)) {
      return Number(token);
    }
    if (token === '(') {
      const value = this.#parseOr();
      this.#expect(')');
      return value;
    }
    if (token === 'FILL' || token === 'IF') {
      const given = this.#parseArguments();
      return token === 'FILL' ? this.#fill(given) : choose(given);
    }
    const series = this.#context.series.get(token);
    if (series === undefined) {
      throw new Error(`"${token}" is no metric of the expression, and no function that is known here`);
    }
    return series;
  }

  #parseArguments(): readonly Value[] {
    this.#expect('(');
    const given = [this.#parseOr()];
    while (this.#take([',']) !== undefined) {
      given.push(this.#parseOr());
    }
    this.#expect(')');
    return given;
  }

  #fill([series, filler]: readonly Value[]): Value {
    if (typeof series !== 'object' || typeof filler !== 'number') {
      throw new Error('FILL is known here for a time series and a number');
    }
    if (series.size === 0 && this.#context.emptyFill === 'nothing') {
      return series;
    }
    return new Map(
      Array.from({ length: this.#context.periods }, (_, period) => [period, series.get(period) ?? filler]),
    );
  }

  #take(wanted: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || !wanted.includes(token)) {
      return undefined;
    }
    this.#at += 1;
    return token;
  }

  #next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) {
      throw new Error(`${this.#tokens.join(' ')} ends too soon`);
    }
    this.#at += 1;
    return token;
  }

  #expect(token: string): void {
    if (this.#next() !== token) {
      throw new Error(`${this.#tokens.join(' ')}: "${token}" was expected`);
    }
  }
}

/** Between two series what one of them lacks is taken for zero (ibid., "Basic arithmetic functions"). */
function combine(one: Value, other: Value, operation: (one: number, other: number) => number): Value {
  if (typeof one === 'number' && typeof other === 'number') {
    return operation(one, other);
  }
  const at = (value: Value, period: number) => (typeof value === 'number' ? value : (value.get(period) ?? 0));
  const periods = new Set(
    [one, other].flatMap((value) => (typeof value === 'number' ? [] : [...value.keys()])),
  );
  return new Map(
    [...periods].flatMap((period) => {
      const result = operation(at(one, period), at(other, period));
      return Number.isNaN(result) ? [] : [[period, result] as const];
    }),
  );
}

/** Where there is no condition there is no result (ibid., "Using IF expressions"). */
function choose([condition, yes, no]: readonly Value[]): Value {
  if (typeof condition !== 'object' || yes === undefined || no === undefined) {
    throw new Error('IF is known here for a time series as condition, and two values');
  }
  return new Map(
    [...condition].flatMap(([period, holds]) => {
      const chosen = holds === 0 ? no : yes;
      const value =
        typeof chosen === 'number' ? chosen : (chosen.get(period) ?? (holds === 0 ? undefined : 0));
      return value === undefined ? [] : [[period, value] as const];
    }),
  );
}
