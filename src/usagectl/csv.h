/* csv.h: the rows of a CSV file as documents, one a line */
#ifndef USAGECTL_CSV_H
#define USAGECTL_CSV_H

#include "source.h"

typedef struct Csv Csv;

extern Csv *csv_make(Source *source, Bytes below);
extern void csv_free(Csv *csv);
extern ssize_t csv_read(Csv *csv, char *buffer, size_t size);
extern bool csv_ready(const Csv *csv);

#endif
