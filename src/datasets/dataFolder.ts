/** Names a folder of published data sets, for the command line and where no setting does. */
export const DATA_FOLDER_VARIABLE = 'BAG_OF_TRICKS_DATA';
