/*
 * secret.h
 *	  What a listener's events are signed and sent with.
 */
#ifndef UM_SECRET_H
#define UM_SECRET_H

extern Datum um_new_secret(Datum listener);

#endif
