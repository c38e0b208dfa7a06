export interface FigureColumn {
  readonly key: string;
  readonly label: string;
  /** Behind the decimal point; default 0. */
  readonly digits?: number;
}

export type FigureRow = Readonly<Record<string, string | number>>;

/** Printed as a table for people, its rows as they are for programs. */
export interface FigureTable {
  readonly title: string;
  readonly columns: readonly FigureColumn[];
  readonly rows: readonly FigureRow[];
  readonly notes: readonly string[];
}
