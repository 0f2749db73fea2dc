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

extern int	um_tmf_version;		/* UmVersion */
extern char *um_base_url;
extern int	um_check_specification; /* UmCheckSpecification */
extern bool um_install_tables;

extern void um_settings_init(void);

#endif
