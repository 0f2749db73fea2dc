/*
 * copy_form.h
 *	  The form in which a COPY brings documents.
 */
#ifndef UM_COPY_FORM_H
#define UM_COPY_FORM_H

#include "utils/relcache.h"

extern bool um_is_copy_into(Oid view);
extern void um_check_copy(Relation view);
extern void um_check_copied_row(Relation view);

#endif
