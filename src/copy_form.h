/*
 * copy_form.h
 *	  The form in which a COPY brings documents.
 */
#ifndef UM_COPY_FORM_H
#define UM_COPY_FORM_H

#include "commands/copy.h"

extern bool um_is_copy_into(Oid view);
extern void um_check_copy(Relation view);
extern CopyFromState um_check_copied_row(Relation view);
extern bool um_is_line_whole(CopyFromState copy);

#endif
