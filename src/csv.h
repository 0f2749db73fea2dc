/*
 * csv.h
 *	  Rows of CSV as documents: which column is which attribute.
 */
#ifndef UM_CSV_H
#define UM_CSV_H

#include "faults.h"

/*
 * Notes what is wrong with a mapping, a JSON object; each fault's path is that of
 * at (NULL for none), and behind it what the mapping calls the attribute.
 */
extern void um_csv_check_mapping(const UmModel *model, UmSlice mapping, UmFaults *faults,
								 const UmPath *at);

#endif
