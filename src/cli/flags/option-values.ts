import { InvalidArgumentError } from "commander";

/** A parser of whole numbers for commander. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A parser of numbers in [least, most), or from `least` on. */
export function numberFrom(least: number, most = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= least && value < most)) {
      const bound = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `in [${least}, ${most})`;
      throw new InvalidArgumentError(`Expected a number ${bound}.`);
    }
    return value;
  };
}
