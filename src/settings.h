/*
 * settings.h
 *	  The settings that are the session's own.
 */
#ifndef UM_SETTINGS_H
#define UM_SETTINGS_H

#include "model.h"

typedef enum UmOnFault
{
	UM_KEEP_FAULTS,
	UM_RAISE_FAULTS
} UmOnFault;

extern int	um_tmf_version;		/* UmVersion */
extern char *um_base_url;
extern bool um_install_tables;
extern int	um_on_fault;		/* UmOnFault */
extern char *um_load_setting;

extern void um_settings_init(void);

#endif
