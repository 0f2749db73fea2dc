/*
 * setting_table.h
 *	  What the owner of the tables orders: the table setting.
 */
#ifndef UM_SETTING_TABLE_H
#define UM_SETTING_TABLE_H

typedef enum UmSetting
{
	UM_CHECK_SPECIFICATION,		/* UmCheckSpecification */
	UM_ON_MISSING,				/* UmOnMissing */
	UM_EVENTS,					/* UmEvents */
	UM_DROP_EVENTS,				/* UmEvents */
	UM_EVENT_RETENTION_AGE,		/* these are read in SQL */
	UM_EVENT_RETENTION_SIZE,
	UM_DELIVERY,
	UM_PAGE_LIMIT,				/* resources */
	UM_PAGE_LIMIT_MAX,
	UM_EXACT_COUNT,
	UM_EXPORT_RESULT_MAX,		/* these are read in SQL */
	UM_JOB_RETENTION
} UmSetting;

#define UM_SETTINGS (UM_JOB_RETENTION + 1)

typedef enum UmCheckSpecification
{
	UM_CHECK_OFF,
	UM_CHECK_REJECT,
	UM_CHECK_MARK
} UmCheckSpecification;

typedef enum UmOnMissing
{
	UM_MISSING_REJECT,
	UM_MISSING_FILL
} UmOnMissing;

typedef enum UmEvents
{
	UM_EVENTS_OFF,
	UM_EVENTS_ON
} UmEvents;

extern void um_setting_table_init(void);
extern void um_settings_look(void);
extern int	um_setting(UmSetting setting);

#endif
