/*
 * characteristics_statistics.h
 *	  What ANALYZE keeps of a column of lists of characteristics.
 */
#ifndef UM_CHARACTERISTICS_STATISTICS_H
#define UM_CHARACTERISTICS_STATISTICS_H

#include "characteristics.h"

/*
 * Beside the slot STATISTIC_KIND_MCELEM, with the texts of the common names and
 * behind them those of their common values, name by name, there is one of this
 * kind with numbers alone: for each of the names how many values are kept of it
 * and how frequent another is on average, and at last how frequent another name.
 */
#define UM_STATISTIC_KIND	10635

extern bool um_pair_text(StringInfo out, const UmCharacteristic *element);

#endif
