/** Index of the first element for which `reached` holds, in an array where it holds from some element on; else the length. */
export function firstIndexWhere<T>(elements: readonly T[], reached: (element: T) => boolean): number {
  let low = 0;
  let high = elements.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = elements[middle];
    if (element !== undefined && reached(element)) high = middle;
    else low = middle + 1;
  }
  return low;
}
