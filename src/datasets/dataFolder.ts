/** Names the folder of published data sets, for the command line and when no setting names one. */
export const DATA_FOLDER_VARIABLE = 'BAG_OF_TRICKS_DATA';
