/*
 * settings.h
 *	  The extension's settings.
 */
#ifndef UM_SETTINGS_H
#define UM_SETTINGS_H

#include "model.h"

typedef enum UmCheckSpecification
{
	UM_CHECK_OFF,
	UM_CHECK_REJECT,
	UM_CHECK_MARK
} UmCheckSpecification;

typedef enum UmOnFault
{
	UM_KEEP_FAULTS,
	UM_RAISE_FAULTS
} UmOnFault;

extern int	um_tmf_version;		/* UmVersion */
extern char *um_base_url;
extern int	um_check_specification; /* UmCheckSpecification */
extern bool um_install_tables;
extern int	um_on_fault;		/* UmOnFault */
extern char *um_load_setting;

extern void um_settings_init(void);

#endif
